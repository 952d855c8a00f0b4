# Microsoft Dataverse, Dynamics 365: a row as the Web API returns it.
# Reads $columns, $optOut, $campaignField, $object (the name of the table; default contact) and $key (the column with the
# contact's key; default the row's id).
if isobject then . else error("expected a row") end |
(."@odata.context" | isstring and endswith("/$deletedEntity")) as $isGone |
if $isGone or (has("reason") and has("id") and (has("modifiedon") | not)) then
  # Change tracking gives the id of a deleted row, but neither a time nor a value.
  if .reason != "deleted" then error("a row that is gone and was not deleted") else . end |
  if $key != null then error("a deleted row holds only its id, and the key is another column") else . end |
  if .id | isstring and length > 0 then . else error("a deleted row without id") end |
  # The id may come as the address of the row.
  { contactKey: (.id | split("(") | last | rtrimstr(")")), operation: "remove", ifAbsent: "skipOptOut" }
else
  ($key // "\($object // "contact")id") as $id |
  if .[$id] == null or .[$id] == "" then error("the key is missing") else . end |
  if .modifiedon == null then error("modifiedon is missing") else . end |
  . as $row |
  # A lookup has another name. Its label counts if the request asks for it, otherwise its id.
  ($row + ([ $row | to_entries[] | select((.key | startswith("_") and endswith("_value"))) | .value as $id |
    { (.key | ltrimstr("_") | rtrimstr("_value")): ($row["\(.key)@OData.Community.Display.V1.FormattedValue"] // $id) } ] | add // {})) as $fields |
  { contactKey: ($row[$id] | tostring), version: ($row.modifiedon | ms), data: ($fields | columns_by($columns)) } +
  ($fields | callable_by($optOut) + campaigns_by($campaignField))
end
