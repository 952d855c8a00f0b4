"""The dashboard is JSON, its widgets neither overlap nor leave the grid, it shows every alarm, and every alarm tells somebody."""

import json
import re

from samcli.yamlhelper import yaml_parse

resources = yaml_parse(open("template.yaml").read())["Resources"]
body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
widgets = json.loads(re.sub(r"\$\{([^}]*)\}", lambda it: "1" if it[1] == "OldestChangeMinutes" else it[1], body))["widgets"]
cells = [(x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])]
assert len(cells) == len(set(cells)) and all(x < 24 for x, _ in cells), "widgets overlap, or leave the grid"
alarms = {name: it["Properties"] for name, it in resources.items() if it["Type"] == "AWS::CloudWatch::Alarm"}
sections = {name: it["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for name, it in alarms.items()}
shown = [arn.removeprefix("Alarm-") for w in widgets if w["type"] == "alarm" for arn in w["properties"]["alarms"]]
assert sorted(shown) == sorted(sections.values()), "the dashboard shows other alarms than there are"
for name, it in alarms.items():
    assert it["AlarmDescription"].endswith(f"docs/runbook.md, {sections[name]}.") and len(it["AlarmDescription"]) <= 1024, name
    assert it["AlarmActions"] == it["OKActions"] == alarms["ParkedAlarm"]["AlarmActions"] and it["TreatMissingData"], name
print(f"{len(alarms)} alarms, {len(widgets)} widgets")
