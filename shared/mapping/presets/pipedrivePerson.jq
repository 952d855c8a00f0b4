# Pipedrive, a person as version 2 of its API returns it.
# Reads $columns, $optOut, $campaignField. A custom field is named by its 40 digits. A field with options counts by their ids.
if isobject and .id != null then . else error("a person without id") end |
# One flat object: the primary phone and e-mail, and the values of custom fields.
(. + (if .custom_fields | isobject then .custom_fields else {} end) |
  map_values(
    if isobject then (if has("value") then .value elif has("id") then .id elif has("values") then [.values[]? | .id] else . end)
    elif isarray and any(.[]; isobject and has("primary")) then (map(select(.primary)) + . | first | .value)
    elif . == [] then null
    else . end)) as $fields |
if ($fields.update_time // $fields.add_time) == null then error("update_time and add_time are missing") else . end |
(if has("is_deleted") then .is_deleted else false end) as $isDeleted |
{ contactKey: (.id | tostring), version: ($fields.update_time // $fields.add_time | ms) } +
if $isDeleted == true then { operation: "remove", ifAbsent: "skipOptOut" }
elif $isDeleted == false then
  { data: ($fields | map_values(if . == "" then null else . end) | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
else error("is_deleted is no boolean") end
