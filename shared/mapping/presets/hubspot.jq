# HubSpot, webhooks of an app: one property in an event, so that every change is a partial one.
# Reads $columns, $optOut, $campaignField.
if (.subscriptionType // .eventType | isstring) then . else error("an event without subscriptionType") end |
((.subscriptionType // .eventType) / ".") as [$kind, $action] |
# Events of companies, deals and other objects are none of ours; nor are those that are not named below.
select($kind == "contact" or ($kind == "object" and .objectTypeId == "0-1")) |
{
  eventId: "\(.portalId)-\(.subscriptionId)-\(.eventId)-\(.objectId)-\(.occurredAt)",
  version: .occurredAt
} as $event |
(if .objectId == null then null else .objectId | tostring end) as $contact |
if $action == "propertyChange" then
  if $contact == null then error("an event without objectId") else . end |
  if .propertyName | isstring then . else error("an event without propertyName") end |
  if has("propertyValue") then . else error("an event without propertyValue") end |
  .propertyName as $name | .propertyValue as $value |
  # A property that was cleared comes as an empty text.
  { data: ([ $columns[$name][]? | { (.): (if $value == "" then null else $value end) } ] | add // {}) } +
  if $optOut == null or $name != $optOut.field then {}
  elif any($optOut.values[]; . == $value) then { callable: false }
  elif any($optOut.callable[]; . == $value) or any($optOut.values[]; type == ($value | type)) then { callable: true }
  else error("the opt-out field holds what is in neither of its lists") end +
  if $name == $campaignField then { campaigns: $value } else {} end |
  select(. != { data: {} }) |
  $event + . + { contactKey: $contact, ifAbsent: "skip" }
elif $action == "deletion" or $action == "privacyDeletion" then
  if $contact == null then error("an event without objectId") else . end |
  $event + { contactKey: $contact, operation: "remove" }
elif $action == "merge" then
  if .mergedObjectIds | isarray then . else error("a merge without mergedObjectIds") end |
  # Where the survivor has a new id, the record that was merged into is gone too.
  (.newObjectId // .primaryObjectId | tostring) as $survivor |
  [.mergedObjectIds[], .primaryObjectId] | map(values | tostring | select(. != $survivor)) |
  .[] | $event + { eventId: "\($event.eventId)-\(.)", contactKey: ., operation: "remove" }
else empty end
