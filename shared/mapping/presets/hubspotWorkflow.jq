# HubSpot, the webhook action of a workflow: the contact with all properties, or with those that were chosen.
# Reads $columns, $optOut, $campaignField, and $key (the property with the contact's key).
(if .properties | isobject then .properties else . end | map_values(if isobject and has("value") then .value else . end)) as $properties |
((if $key != null then $properties[$key] else .vid // .objectId // $properties.hs_object_id end) as $id |
  if $id == null or $id == "" then error("the contact has no key") else $id | tostring end) as $contact |
(if $properties.lastmodifieddate == null then error("lastmodifieddate is missing") else $properties.lastmodifieddate end |
  # The older form of a contact writes milliseconds as a text.
  if isstring and test("^[0-9]+$") then tonumber else ms end) as $version |
{
  contactKey: $contact,
  version: $version,
  data: ($properties | map_values(if . == "" then null else . end) | columns_by($columns))
} + ($properties | callable_by($optOut) + campaigns_by($campaignField))
