# Salesforce, a record as queryAll answers it. Without IsDeleted nobody knows who is gone: the query must select it.
# Reads $columns, $optOut, $campaignField, $key: the field of the contact's key, Id if it is not said, and $version: the field
# of the record's stamp, LastModifiedDate if it is not said.
if isobject then . else error("expected a record") end |
. as $record | ($key // "Id") as $id | ($version // "LastModifiedDate") as $stamp |
if $record[$id] == null or $record[$id] == "" then error("the key is missing") else . end |
if $record[$stamp] == null or $record[$stamp] == "" then error("the stamp is missing") else . end |
if has("IsDeleted") then . else error("IsDeleted is missing: the query must select it") end |
{ contactKey: ($record[$id] | tostring) } +
if .IsDeleted == true then
  # The deletion may have moved SystemModstamp alone.
  { version: ([$record[$stamp], .SystemModstamp | values | ms] | max), operation: "remove", ifAbsent: "skipOptOut" }
elif .IsDeleted == false then
  # Parts of a field, and fields of another record, stand in an object of their own: MailingAddress.City.
  ($record +
    ([ $record | to_entries[] | select(.value | isobject) | .key as $field |
      .value | to_entries[] | { ("\($field).\(.key)"): .value } ] | add // {}) +
    ([ $columns | keys[] | . as $field | ($field / ".") | select(length > 1 and (.[0] as $whole | $record | has($whole) and .[$whole] == null)) |
      { ($field): null } ] | add // {})) as $fields |
  { version: ($record[$stamp] | ms), data: ($fields | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
else error("IsDeleted is no boolean") end
