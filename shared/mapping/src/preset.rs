//! The programs that campaign-sync ships, and the members that each of them reads. The programs
//! themselves are the files in `presets/`.

/// The names of the presets for webhooks.
pub const PRESETS: [&str; 8] = [
    "hubspot",
    "hubspotWorkflow",
    "salesforceCdc",
    "salesforcePlatformEvent",
    "dataverse",
    "pipedrive",
    "zohoWorkflow",
    "cloudevents",
];

/// The names of the presets for records, as a vendor's API returns them.
pub const RECORDS: [&str; 5] = [
    "hubspotRecord",
    "salesforceRecord",
    "dataverseRecord",
    "pipedrivePerson",
    "zohoRecord",
];

/// The names of all presets.
pub fn presets() -> impl Iterator<Item = &'static str> {
    PRESETS.into_iter().chain(RECORDS)
}

/// A preset: its program, and what its mapping may say beside `columns`, `optOut` and
/// `campaignField`.
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    /// The members that its mapping must have.
    pub(crate) needs: &'static [&'static str],
    /// The members that its mapping may have.
    pub(crate) takes: &'static [&'static str],
    /// The headers that the program always sees, whether or not the mapping names them.
    pub(crate) headers: &'static [&'static str],
}

macro_rules! presets {
    ($($name:literal needs $needs:expr, takes $takes:expr, headers $headers:expr;)*) => {
        [$(Preset {
            name: $name,
            program: include_str!(concat!("../presets/", $name, ".jq")),
            needs: &$needs,
            takes: &$takes,
            headers: &$headers,
        }),*]
    };
}

static ALL: [Preset; PRESETS.len() + RECORDS.len()] = presets! {
    "hubspot" needs [], takes [], headers [];
    "hubspotWorkflow" needs [], takes ["key"], headers [];
    "salesforceCdc" needs [], takes ["object"], headers [];
    "salesforcePlatformEvent" needs ["key"], takes ["version", "remove"], headers [];
    "dataverse" needs [], takes ["object"], headers ["x-ms-dynamics-msg-size-exceeded"];
    "pipedrive" needs [], takes [], headers [];
    "zohoWorkflow" needs [], takes ["key", "version", "remove"], headers [];
    "cloudevents" needs [], takes ["key", "version", "remove"], headers [];
    "hubspotRecord" needs [], takes ["key"], headers [];
    "salesforceRecord" needs [], takes ["key", "version"], headers [];
    "dataverseRecord" needs [], takes ["key", "object"], headers [];
    "pipedrivePerson" needs [], takes [], headers [];
    "zohoRecord" needs [], takes ["key", "version"], headers [];
};

pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.name == name)
}

/// The program of a preset. A mapping with this program as its `jq`, and with the same other
/// members, does the same as the preset.
pub fn preset(name: &str) -> Option<&'static str> {
    find(name).map(|preset| preset.program)
}
