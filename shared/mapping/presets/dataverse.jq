# Microsoft Dataverse, Dynamics 365: the webhook of a step on Create, Update and Delete.
# Reads $columns, $optOut, $campaignField, $headers and $object (the name of the table; default contact).
if $headers["x-ms-dynamics-msg-size-exceeded"] != null then error("the event was too large for its values") else . end |
if .PrimaryEntityName | isstring then . else error("an event without PrimaryEntityName") end |
select(.PrimaryEntityName == ($object // "contact")) |
# A choice or an amount is in Value, a lookup in Name or Id, and several choices are a list.
[ [.PostEntityImages[]?.value.Attributes[]?], [.PreEntityImages[]?.value.Attributes[]?],
  [.InputParameters[]? | select(.key == "Target") | .value.Attributes[]?] |
  [ .[] | { (.key): (.value |
    if isobject then (if has("Value") then .Value elif .Name != null then .Name elif has("Id") then .Id else . end)
    elif isarray then map(if isobject and has("Value") then .Value else . end)
    else . end) } ] | add // {}
] as [$after, $before, $target] |
($after != {}) as $isFull |
(if .OperationId == null or .OperationId == "00000000-0000-0000-0000-000000000000" then {}
  else { eventId: .OperationId } end) + { contactKey: .PrimaryEntityId } as $event |
if .MessageName == "Delete" then $event + { operation: "remove", version: (.OperationCreatedOn | ms) }
elif .MessageName != "Create" and .MessageName != "Update" then error("a message that is none of Create, Update and Delete")
elif $isFull or $target != {} then
  (if $isFull then $after else $target end) as $fields |
  if ($fields.modifiedon // $target.modifiedon) == null then error("modifiedon is missing") else . end |
  # An image leaves out columns that are null.
  (if $isFull then ($columns | map_values(null)) + (if $campaignField == null then {} else { ($campaignField): null } end) else {} end +
    $fields) as $told |
  { version: ($fields.modifiedon // $target.modifiedon | ms), data: ($told | columns_by($columns)) } +
  (if $optOut != null and ($isFull or ($fields | has($optOut.field))) then $fields | callable_by($optOut) else {} end) +
  ($told | campaigns_by($campaignField)) + (if $isFull then {} else { ifAbsent: "skip" } end) |
  select((.data != {}) or has("callable") or has("campaigns") or $isFull) |
  $event + .
else error("an event without values") end +
if $campaignField != null and $before != {} then { campaignsBefore: ($before[$campaignField] | choices) } else {} end
