# HubSpot, the webhook action of a workflow: the contact with all, or with the chosen, properties.
# Reads $columns, $optOut, $campaignField, and $key: the property that holds the contact's key.
(if .properties | isobject then .properties else . end | map_values(if isobject then .value else . end)) as $properties |
((if $key != null then $properties[$key] else .vid // .objectId // $properties.hs_object_id end) as $id |
  if $id == null or $id == "" then error("the contact has no key") else $id | tostring end) as $contact |
(if $properties.lastmodifieddate == null then error("lastmodifieddate is missing") else $properties.lastmodifieddate end |
  # The older form of a contact holds milliseconds as a text.
  if isstring and test("^[0-9]+$") then tonumber else ms end) as $version |
{
  contactKey: $contact,
  version: $version,
  data: ([ $columns | to_entries[] | .key as $field | select($properties | has($field)) |
    .value[] | { (.): ($properties[$field] | if . == "" then null else . end) } ] | add // {})
} +
if $optOut == null then {}
elif $properties | has($optOut.field) | not then error("the opt-out field is missing")
else
  $properties[$optOut.field] as $value |
  if any($optOut.values[]; . == $value) then { callable: false }
  elif any($optOut.callable[]; . == $value) or any($optOut.values[]; type == ($value | type)) then { callable: true }
  else error("the opt-out field holds what is in neither of its lists") end
end +
if $campaignField != null and ($properties | has($campaignField)) then { campaigns: $properties[$campaignField] } else {} end
