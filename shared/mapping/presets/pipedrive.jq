# Pipedrive, webhooks v2: the whole person, and what the fields that changed held before.
# Reads $columns, $optOut, $campaignField. A field of one's own is named by its 40 digits; of one with options the ids count.
if .meta.version? | isstring and startswith("2") then . else error("no webhook of version 2") end |
select(.meta.entity == "person") |
# As one object: the primary phone and e-mail, and of fields of one's own what is in them.
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
    data: ([ $columns | to_entries[] | .key as $field | select($fields | has($field)) |
      .value[] | { (.): ($fields[$field] | if . == "" then null else . end) } ] | add // {}) } +
  if $optOut == null then {}
  elif $fields | has($optOut.field) | not then error("the opt-out field is missing")
  else
    # Of several options one is enough.
    [ $fields[$optOut.field] | if isarray then (if . == [] then null else .[] end) else . end ] as $values |
    if any($optOut.values[]; . as $value | any($values[]; . == $value)) then { callable: false }
    elif all($values[]; . as $value | any($optOut.callable[]; . == $value) or any($optOut.values[]; type == ($value | type)))
    then { callable: true }
    else error("the opt-out field holds what is in neither of its lists") end
  end +
  if $campaignField != null and ($fields | has($campaignField)) then { campaigns: $fields[$campaignField] } else {} end
end +
if $campaignField != null and ($before | has($campaignField)) then { campaignsBefore: $before[$campaignField] } else {} end
