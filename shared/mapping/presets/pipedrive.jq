# Pipedrive, webhooks v2: the whole person, and what the fields that changed held before.
# Reads $columns, $optOut, $campaignField. A custom field is named by its 40 digits. A field with options counts by their ids.
if .meta.version? | isstring and startswith("2") then . else error("no webhook of version 2") end |
select(.meta.entity == "person") |
# One flat object: the primary phone and e-mail, and the values of custom fields.
[ .data, .previous | if isobject then
    . + (if .custom_fields | isobject then .custom_fields else {} end) |
    map_values(
      if isobject then (if has("value") then .value elif has("id") then .id elif has("values") then [.values[]? | .id] else . end)
      elif isarray and any(.[]; isobject and has("primary")) then (map(select(.primary)) + . | first | .value)
      elif . == [] then null
      else . end)
  else {} end
] as [$fields, $before] |
if .meta.entity_id == null then error("an event without entity_id") else . end |
{ eventId: .meta.id, contactKey: (.meta.entity_id | tostring) } +
if .meta.action == "delete" then { operation: "remove", version: (.meta.timestamp | ms) }
elif .meta.action != "create" and .meta.action != "change" then error("an unknown action")
elif .data | isobject | not then error("an event without data")
else
  { version: ($fields.update_time // $fields.add_time | ms),
    data: ($fields | map_values(if . == "" then null else . end) | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
end +
if $campaignField != null and ($before | has($campaignField)) then { campaignsBefore: ($before[$campaignField] | choices) } else {} end
