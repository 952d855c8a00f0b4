# Salesforce, Change Data Capture: through an event relay and EventBridge, or as it is.
# Reads $columns, $optOut, $campaignField, and $object: the name of the object, Contact if it is not said.
(.detail as $detail | if $detail | isobject then $detail else . end |
  .payload as $payload | if $payload | isobject then $payload else . end) as $payload |
$payload.ChangeEventHeader as $header |
if $header | isobject then . else error("an event without ChangeEventHeader") end |
select($header.entityName == ($object // "Contact")) |
$header.changeType as $type |
if $type == "UPDATE" and ($header.changedFields | isarray and length > 0 | not)
then error("an update without changedFields") else . end |
if any($header.changedFields, $header.nulledFields, $header.diffFields | .[]?; startswith("0x"))
then error("the names of changed fields are an undecoded bitmap") else . end |
# Parts of a field stand in an object of their own: MailingAddress.City. Those of Name count as fields.
($payload + ([ $payload | to_entries[] | select(.value | isobject) | .key as $field |
  .value | to_entries[] | { ("\($field).\(.key)" | ltrimstr("Name.")): .value } ] | add // {})) as $fields |
[ $header.changedFields[]?, $header.nulledFields[]? | ., (. as $field | $payload[$field] | objects | keys[] | "\($field).\(.)") |
  ltrimstr("Name.") ] as $changed |
(if $payload.LastModifiedDate != null then $payload.LastModifiedDate | ms else $header.commitTimestamp end) as $version |
(
  if $type == "DELETE" or $type == "GAP_DELETE" then { version: $header.commitTimestamp, operation: "remove" }
  elif $type == "CREATE" or $type == "UNDELETE" or $type == "UPDATE" then
    # An update holds what changed. Other fields stand in it as null, or not at all.
    ($type == "UPDATE") as $isPartial |
    # What is told by its difference alone, or has changed to what is not said.
    [ ($header.diffFields[]? | ltrimstr("Name.")),
      ($changed[] | . as $field | select($isPartial and ($fields | has($field) | not) and
        (any($header.nulledFields[]?; ltrimstr("Name.") == $field) | not))) ] as $untold |
    (if $optOut == null or ($isPartial and (any($changed[]; . == $optOut.field) | not)) then {}
    elif any($untold[]; . == $optOut.field) then error("the opt-out field is missing")
    else $fields | callable_by($optOut) end) as $said |
    # An opt-out does not wait for that.
    if $said.callable != false and any($untold[]; . as $field | ($columns | has($field)) or $field == $campaignField)
    then error("a field that changed has no value") else . end |
    (if $isPartial then [ $changed[] | { (.): $fields[.] } ] | add // {}
      else ($columns | map_values(null)) + (if $campaignField == null then {} else { ($campaignField): null } end) + $fields end |
      with_entries(select(.key as $field | any($untold[]; . == $field) | not))) as $told |
    { version: $version, data: ($told | columns_by($columns)) } + $said + ($told | campaigns_by($campaignField)) +
    if $isPartial then { ifAbsent: "skip" } else {} end |
    select((.data != {}) or has("callable") or has("campaigns") or ($isPartial | not))
  elif $type | isstring and startswith("GAP_") then error("a gap event: what changed is told by the feed alone")
  else error("an event of an unknown changeType") end
) as $change |
if $header.recordIds | isarray then . else error("an event without recordIds") end |
# Ids are logged, and keys are not. A change of a field's type is told of 001* and the like: no values change by it.
$header.recordIds[] | select(endswith("*") | not) |
$change + { eventId: "salesforce-\("\($header.transactionKey)-\($header.sequenceNumber)-\(.)" | sha256)", contactKey: . }
