//! Finds the columns of a list that accept any text.

use std::collections::BTreeSet;

use super::wire;

impl wire::WholeList {
    /// The columns, in their order, of which the list says nothing but their names.
    pub(super) fn texts(&self) -> Vec<String> {
        let reserved: BTreeSet<_> = self.reserved().collect();
        let names = self.column_names.iter();
        names
            .filter(|name| !reserved.contains(name.as_str()))
            .cloned()
            .collect()
    }

    fn reserved(&self) -> impl Iterator<Item = &str> {
        let typed = self.column_data_type_specifications.iter().flatten();
        let typed = typed
            .filter(|column| column.column_data_type.as_deref() != Some("TEXT"))
            .filter_map(|column| column.column_name.as_deref());
        let reached = [
            &self.phone_columns,
            &self.email_columns,
            &self.whats_app_columns,
        ];
        let reached = reached.into_iter().flatten().flatten();
        let reached = reached.flat_map(|column| {
            let times = [
                &column.callable_time_column,
                &column.contactable_time_column,
            ];
            times.into_iter().chain([&column.column_name]).flatten()
        });
        let named = [&self.zip_code_column_name, &self.preview_mode_column_name];
        reached
            .chain(named.into_iter().flatten())
            .map(String::as_str)
            .chain(typed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn free_text_goes_only_into_columns_without_a_role_or_another_data_type() {
        let list = json!({
            "columnNames": ["phone", "phoneTime", "mail", "chat", "zip", "preview", "due", "score", "note", "name", "rank"],
            "phoneColumns": [{ "columnName": "phone", "type": "cell", "callableTimeColumn": "phoneTime" }],
            "emailColumns": [{ "columnName": "mail", "type": "work" }],
            "whatsAppColumns": [{ "columnName": "chat", "type": "cell" }],
            "zipCodeColumnName": "zip",
            "previewModeColumnName": "preview",
            "columnDataTypeSpecifications": [
                { "columnName": "due", "columnDataType": "TIMESTAMP" },
                { "columnName": "score", "columnDataType": "NUMERIC" },
                { "columnName": "note", "columnDataType": "TEXT" },
            ],
        });
        let list: wire::WholeList = serde_json::from_value(list).unwrap();
        assert_eq!(list.texts(), ["note", "name", "rank"]);
        let list = json!({ "columnNames": ["a"], "emailColumns": null });
        let list: wire::WholeList = serde_json::from_value(list).unwrap();
        assert_eq!(list.texts(), ["a"]);
    }
}
