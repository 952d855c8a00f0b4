# Zoho CRM, the webhook of a workflow rule: a flat JSON object, whose author fills its members with merge fields.
# Reads $columns, $optOut, $campaignField, $remove, $key (the member with the contact's key; default id) and $version (the
# member with the record's stamp; default Modified_Time).
if isobject then . else error("expected an object") end |
. as $fields | ($key // "id") as $id | ($version // "Modified_Time") as $stamp |
if $fields[$id] == null or $fields[$id] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null or $fields[$stamp] == "" then error("the stamp is missing") else . end |
{ contactKey: ($fields[$id] | tostring), version: ($fields[$stamp] | ms) } +
if $fields | removed_by($remove) then { operation: "remove" }
else
  # An empty field becomes an empty text in a merge field.
  { data: ($fields | map_values(if . == "" then null else . end) | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
end
