"""A headless Chromium of the distribution, which tests/e2e/console.py drives, and axe-core, which judges the pages."""

import base64
import hashlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = "axe-core@4.14.0"
AXE_SHA512 = "9WTZxEjsZ7b13TH8JPmbV2z8CHbl80/2hm3XPEG4JgNdQLK81IBRXmSxHfMAOkSqQeRxT/0dwNDz2GOm3zzpcQ=="


def missing(what):
    sys.exit(f"tests/e2e/console.py: {what}")


def chromium():
    """The paths of the browser and its driver. apt-get installs them if they are missing."""
    found = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(found):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            missing("chromium and its driver are missing: install Debian's packages chromium and chromium-driver")
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "chromium-driver", "fonts-dejavu-core"]
        for command in (["apt-get", "update", "-qq"], install):
            if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
                missing("apt-get cannot install chromium and chromium-driver")
        found = [shutil.which(name) for name in ("chromium", "chromedriver")]
    return found


def axe():
    """The script of axe-core. It is pinned by its hash and kept in target/."""
    kept = ROOT / "target" / "axe-core-4.14.0.tgz"
    if not kept.exists():
        if not shutil.which("npm"):
            missing(f"npm is missing, which downloads {AXE}: install npm, or put the package at {kept}")
        command = ["npm", "pack", "--silent", "--pack-destination", str(kept.parent), AXE]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            missing(f"npm cannot download {AXE}")
    package = kept.read_bytes()
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != AXE_SHA512:
        missing(f"{kept} is not axe-core 4.14.0: delete it")
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        return files.extractfile("package/axe.min.js").read().decode()


def start(profile):
    """Starts a browser with a profile of its own. Its log names what a page's policy forbade."""
    browser, driver = chromium()
    options = Options()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
                     "--no-first-run", "--disable-background-networking", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


def look(driver, width, dark):
    """Sets the width of the screen, and a light or dark colour scheme."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844 if width < 700 else 900, "deviceScaleFactor": 1, "mobile": width < 700})
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})


def violations(driver, script):
    """The violations that axe-core finds, in words."""
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": script})
    found = driver.execute_async_script(
        "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations));")
    return [f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:4]}" for one in found]


def picture(driver, path):
    """Saves a picture of the whole page."""
    size = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 2400), "scale": 1}
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(shot["data"]))
