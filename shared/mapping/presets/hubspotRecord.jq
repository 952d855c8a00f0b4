# HubSpot, a contact as its API returns it: from the search, from a list, or by its id.
# Reads $columns, $optOut, $campaignField, and $key (the property with the contact's key; default the record's id).
if isobject and (.properties | isobject) then . else error("a record without properties") end |
.properties as $properties |
((if $key != null then $properties[$key] else .id end) as $id |
  if $id == null or $id == "" then error("the record has no key") else $id | tostring end) as $contact |
if $properties.lastmodifieddate == null or $properties.lastmodifieddate == "" then error("lastmodifieddate is missing") else . end |
# An archived contact was deleted. Only a list that is asked for archived contacts holds them.
(if has("archived") then .archived else false end) as $archived |
if $archived == true then
  { contactKey: $contact, version: ([.archivedAt, $properties.lastmodifieddate | values | ms] | max), operation: "remove", ifAbsent: "skipOptOut" }
elif $archived == false then
  { contactKey: $contact, version: ($properties.lastmodifieddate | ms),
    data: ($properties | map_values(if . == "" then null else . end) | columns_by($columns)) } +
  ($properties | callable_by($optOut) + campaigns_by($campaignField))
else error("archived is no boolean") end
