# Zoho CRM, the webhook of a workflow rule: a flat JSON object, whose members its author fills by merge fields.
# Reads $columns, $optOut, $campaignField, $remove, $key: the member of the contact's key, id if it is not said, and
# $version: the member of the record's stamp, Modified_Time if it is not said.
if isobject then . else error("expected an object") end |
. as $fields | ($key // "id") as $id | ($version // "Modified_Time") as $stamp |
if $fields[$id] == null or $fields[$id] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null or $fields[$stamp] == "" then error("the stamp is missing") else . end |
{ contactKey: ($fields[$id] | tostring), version: ($fields[$stamp] | ms) } +
if $fields | removed_by($remove) then { operation: "remove" }
else
  # A merge field of nothing is an empty text.
  { data: ($fields | map_values(if . == "" then null else . end) | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
end
