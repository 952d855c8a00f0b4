# Salesforce, Change Data Capture: through an event relay and EventBridge, or sent directly.
# Reads $columns, $optOut, $campaignField, and $object (the name of the object; default Contact).
(.detail as $detail | if $detail | isobject then $detail else . end |
  .payload as $payload | if $payload | isobject then $payload else . end) as $payload |
$payload.ChangeEventHeader as $header |
if $header | isobject then . else error("an event without ChangeEventHeader") end |
select($header.entityName == ($object // "Contact")) |
$header.changeType as $type |
if any($header.changedFields, $header.nulledFields, $header.diffFields | .[]? | strings; startswith("0x"))
then error("the names of changed fields are an undecoded bitmap") else . end |
# A compound field is an object with its parts, such as MailingAddress.City. The parts of Name count as fields.
($payload + ([ $payload | to_entries[] | select(.value | isobject) | .key as $field |
  .value | to_entries[] | { ("\($field).\(.key)" | ltrimstr("Name.")): .value } ] | add // {})) as $fields |
# An update that does not say what changed is a fault. The field of the opt-out is null unless it changed, so an opt-out
# in it takes effect before the fault is reported.
($type == "UPDATE" and ($header.changedFields | isarray and length > 0 | not)) as $isBlind |
if $isBlind and ($optOut == null or ($fields | callable_by($optOut).callable) != false)
then error("an update without changedFields") else . end |
[ $header.changedFields[]?, $header.nulledFields[]? | strings | ., (. as $field | $payload[$field] | objects | keys[] | "\($field).\(.)") |
  ltrimstr("Name.") ] as $changed |
(if $payload.LastModifiedDate != null then $payload.LastModifiedDate | ms else $header.commitTimestamp end) as $version |
(
  if $type == "DELETE" or $type == "GAP_DELETE" then { version: $header.commitTimestamp, operation: "remove" }
  elif $type == "CREATE" or $type == "UNDELETE" or $type == "UPDATE" then
    # An update holds the fields that changed. Other fields are null in it, or absent.
    ($type == "UPDATE") as $isPartial |
    # Changed fields whose new value the event does not hold, or holds as a difference only.
    [ ($header.diffFields[]? | ltrimstr("Name.")),
      ($changed[] | . as $field | select($isPartial and ($fields | has($field) | not) and
        (any($header.nulledFields[]?; ltrimstr("Name.") == $field) | not))) ] as $untold |
    (if $isBlind then { callable: false }
    elif $optOut == null or ($isPartial and (any($changed[]; . == $optOut.field) | not)) then {}
    elif any($untold[]; . == $optOut.field) then error("the opt-out field is missing")
    else $fields | callable_by($optOut) end) as $said |
    # An opt-out does not wait for such a field.
    if $said.callable != false and any($untold[]; . as $field | ($columns | has($field)) or $field == $campaignField)
    then error("a field that changed has no value") else . end |
    (if $isPartial then [ $changed[] | { (.): $fields[.] } ] | add // {}
      else ($columns | map_values(null)) + (if $campaignField == null then {} else { ($campaignField): null } end) + $fields end |
      with_entries(select(.key as $field | any($untold[]; . == $field) | not))) as $told |
    { version: $version, data: ($told | columns_by($columns)) } + $said + ($told | campaigns_by($campaignField)) +
    if $isPartial then { ifAbsent: "skip" } else {} end |
    select((.data != {}) or has("callable") or has("campaigns") or ($isPartial | not))
  elif $type | isstring and startswith("GAP_") then error("a gap event: only the feed shows what changed")
  else error("an event of an unknown changeType") end
) as $change |
if $header.recordIds | isarray then . else error("an event without recordIds") end |
# Event ids are logged and keys are not. An id such as 001* only says that the type of a field
# changed. It comes with no value.
($header.recordIds[] | select(endswith("*") | not) |
$change + { eventId: "salesforce-\("\($header.transactionKey)-\($header.sequenceNumber)-\(.)" | sha256)", contactKey: . }),
(if $isBlind then error("an update without changedFields") else empty end)
