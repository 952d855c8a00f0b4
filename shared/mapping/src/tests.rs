use super::*;

#[test]
fn a_mapping_can_be_shared() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Mapping>();
}

#[test]
fn an_item_becomes_a_change() {
    let m = Mapping::parse(r#"{"jq": ".a[] | {contactKey: (.b|tostring), version: (.t|ms), data: {x: .c}, campaigns: $campaignField}", "campaignField":"cc"}"#).unwrap();
    let h = BTreeMap::new();
    let a = About {
        headers: &h,
        cloud_event: None,
    };
    let c = m
        .changes(
            r#"{"a":[{"b":9007199254740993,"t":"2026-11-24T16:00:00.123+0000","c":1.50}]}"#,
            &a,
            10,
        )
        .unwrap();
    assert_eq!(
        c[0].text,
        r#"{"contactKey":"9007199254740993","version":1795536000123,"data":{"x":"1.5"},"eventId":"map-613ace390f65c0419ee6b9ee1173c3d61a44224d"}"#
    );
    assert_eq!(c[0].campaigns, Some(vec!["cc".to_owned()]));
}
