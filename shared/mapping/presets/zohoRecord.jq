# Zoho CRM, a record as its API returns it, or an entry of its list of deleted records.
# Reads $columns, $optOut, $campaignField, $key (the field with the contact's key; default id) and $version (the field with the
# record's stamp; default Modified_Time).
if isobject then . else error("expected a record") end |
. as $record | ($key // "id") as $id | ($version // "Modified_Time") as $stamp |
if $record[$id] == null or $record[$id] == "" then error("the key is missing") else . end |
{ contactKey: ($record[$id] | tostring) } +
if has("deleted_time") then
  if .deleted_time == null then error("deleted_time is missing") else . end |
  { version: (.deleted_time | ms), operation: "remove", ifAbsent: "skipOptOut" }
else
  if $record[$stamp] == null or $record[$stamp] == "" then error("the stamp is missing") else . end |
  # A lookup counts by its name, as in a merge field.
  ($record | map_values(if isobject and has("name") then .name else . end)) as $fields |
  { version: ($record[$stamp] | ms), data: ($fields | map_values(if . == "" then null else . end) | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
end
