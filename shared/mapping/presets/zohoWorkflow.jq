# Zoho CRM, the webhook of a workflow rule: a flat JSON object, whose members its author fills by merge fields.
# Reads $columns, $optOut, $campaignField, $remove, $key: the member of the contact's key, id if it is not said, and
# $version: the member of the record's stamp, Modified_Time if it is not said.
if isobject then . else error("expected an object") end |
. as $fields | ($key // "id") as $id | ($version // "Modified_Time") as $stamp |
if $fields[$id] == null or $fields[$id] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null or $fields[$stamp] == "" then error("the stamp is missing") else . end |
{ contactKey: ($fields[$id] | tostring), version: ($fields[$stamp] | ms) } +
if $remove != null and ($fields[$remove.field] as $value | any($remove.values[]; . == $value)) then { operation: "remove" }
else
  # A merge field of nothing is an empty text.
  { data: ([ $columns | to_entries[] | .key as $field | select($fields | has($field)) |
      .value[] | { (.): ($fields[$field] | if . == "" then null else . end) } ] | add // {}) } +
  if $optOut == null then {}
  elif $fields | has($optOut.field) | not then error("the opt-out field is missing")
  else
    $fields[$optOut.field] as $value |
    if any($optOut.values[]; . == $value) then { callable: false }
    elif any($optOut.callable[]; . == $value) or any($optOut.values[]; type == ($value | type)) then { callable: true }
    else error("the opt-out field holds what is in neither of its lists") end
  end +
  if $campaignField != null and ($fields | has($campaignField)) then { campaigns: $fields[$campaignField] } else {} end
end
