# HubSpot, webhooks of an app. An event holds one property, so every change is partial and creates
# nobody. A removal does nothing if the contact is not in the campaign. Reads $columns, $optOut,
# $campaignField.
if (.subscriptionType // .eventType | isstring) then . else error("an event without subscriptionType") end |
((.subscriptionType // .eventType) / ".") as [$kind, $action] |
# Events of companies, deals and other objects are ignored, and so are the types that are not named below.
select($kind == "contact" or ($kind == "object" and .objectTypeId == "0-1")) |
# Event ids are logged and keys are not. So the id is a hash of the key.
"\(.portalId)-\(.subscriptionId)-\(.eventId)-\(.objectId)-\(.occurredAt)" as $event |
.occurredAt as $version |
(if .objectId == null then null else .objectId | tostring end) as $contact |
if $action == "propertyChange" then
  if $contact == null then error("an event without objectId") else . end |
  if .propertyName | isstring then . else error("an event without propertyName") end |
  if has("propertyValue") then . else error("an event without propertyValue") end |
  { (.propertyName): .propertyValue } |
  # HubSpot sends a cleared property as an empty text.
  { data: (map_values(if . == "" then null else . end) | columns_by($columns)) } +
  (if $optOut != null and has($optOut.field) then callable_by($optOut) else {} end) + campaigns_by($campaignField) |
  select(. != { data: {} }) |
  . + { eventId: "hubspot-\($event | sha256)", contactKey: $contact, version: $version, ifAbsent: "skip" }
elif $action == "deletion" or $action == "privacyDeletion" then
  if $contact == null then error("an event without objectId") else . end |
  { eventId: "hubspot-\($event | sha256)", contactKey: $contact, version: $version, operation: "remove", ifAbsent: "skipOptOut" }
elif $action == "merge" then
  if .mergedObjectIds | isarray then . else error("a merge without mergedObjectIds") end |
  # If the survivor has a new id, the record that was merged into is gone too.
  (.newObjectId // .primaryObjectId | tostring) as $survivor |
  [.mergedObjectIds[], .primaryObjectId] | map(values | tostring | select(. != $survivor)) |
  .[] |
  { eventId: "hubspot-\("\($event)-\(.)" | sha256)", contactKey: ., version: $version, operation: "remove", ifAbsent: "skipOptOut" }
else empty end
