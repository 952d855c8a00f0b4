# Salesforce, a record as queryAll returns it. The query must select IsDeleted: only that field
# shows which records were deleted. Reads $columns, $optOut, $campaignField, $key (the field with
# the contact's key; default Id) and $version (the field with the record's stamp; default
# LastModifiedDate).
if isobject then . else error("expected a record") end |
. as $record | ($key // "Id") as $id | ($version // "LastModifiedDate") as $stamp |
if $record[$id] == null or $record[$id] == "" then error("the key is missing") else . end |
if $record[$stamp] == null or $record[$stamp] == "" then error("the stamp is missing") else . end |
if has("IsDeleted") then . else error("IsDeleted is missing: the query must select it") end |
{ contactKey: ($record[$id] | tostring) } +
if .IsDeleted == true then
  # A deletion may move SystemModstamp and no other stamp.
  { version: ([$record[$stamp], .SystemModstamp | values | ms] | max), operation: "remove", ifAbsent: "skipOptOut" }
elif .IsDeleted == false then
  # The parts of a compound field, and the fields of another record, are in an object: MailingAddress.City.
  ($record +
    ([ $record | to_entries[] | select(.value | isobject) | .key as $field |
      .value | to_entries[] | { ("\($field).\(.key)"): .value } ] | add // {}) +
    ([ $columns | keys[] | . as $field | ($field / ".") | select(length > 1 and (.[0] as $whole | $record | has($whole) and .[$whole] == null)) |
      { ($field): null } ] | add // {})) as $fields |
  { version: ($record[$stamp] | ms), data: ($fields | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
else error("IsDeleted is no boolean") end
