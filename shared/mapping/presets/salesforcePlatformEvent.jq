# Salesforce, a platform event that a flow publishes with all columns: through an event relay and EventBridge, or as it is.
# Reads $columns, $optOut, $campaignField, $remove, $key: the field of the contact's key, and $version: the field of
# the record's stamp, LastModifiedDate__c if it is not said.
(.detail as $detail | if $detail | isobject then $detail else . end |
  .payload as $payload | if $payload | isobject then $payload else . end) as $fields |
($version // "LastModifiedDate__c") as $stamp |
if $fields[$key] == null or $fields[$key] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null then error("the stamp is missing") else . end |
{ contactKey: ($fields[$key] | tostring), version: ($fields[$stamp] | ms) } +
if $remove != null and ($fields[$remove.field] as $value | any($remove.values[]; . == $value)) then { operation: "remove" }
else
  { data: ([ $columns | to_entries[] | .key as $field | select($fields | has($field)) |
      .value[] | { (.): $fields[$field] } ] | add // {}) } +
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
