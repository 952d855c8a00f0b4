# Salesforce, a platform event that a flow publishes with all columns: through an event relay and EventBridge, or sent directly.
# Reads $columns, $optOut, $campaignField, $remove, $key (the field with the contact's key) and $version (the field
# with the record's stamp; default LastModifiedDate__c).
(.detail as $detail | if $detail | isobject then $detail else . end |
  .payload as $payload | if $payload | isobject then $payload else . end) as $fields |
($version // "LastModifiedDate__c") as $stamp |
if $fields[$key] == null or $fields[$key] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null then error("the stamp is missing") else . end |
{ contactKey: ($fields[$key] | tostring), version: ($fields[$stamp] | ms) } +
if $fields | removed_by($remove) then { operation: "remove" }
else $fields | { data: columns_by($columns) } + callable_by($optOut) + campaigns_by($campaignField) end
