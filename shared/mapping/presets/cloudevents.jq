# CloudEvents 1.0 whose data is a flat object. The attributes count as members of it with ce- before their names.
# Reads $columns, $optOut, $campaignField, $remove, $cloudevent, $key: the member of the contact's key, ce-subject if it is
# not said, and $version: the member of the stamp, ce-time if it is not said.
(if $cloudevent != null then { attributes: $cloudevent, data: . }
  elif isobject and has("specversion") then { attributes: del(.data), data: .data }
  else error("no CloudEvent") end) as $event |
# A removal may need no data.
(if $event.data == null then {} elif $event.data | isobject then $event.data else error("data is no object") end) as $data |
($data + ($event.attributes | with_entries(.key |= "ce-" + .))) as $fields |
($key // "ce-subject") as $id | ($version // "ce-time") as $stamp |
if $fields["ce-source"] == null or $fields["ce-id"] == null then error("an event without source or id") else . end |
if $fields[$id] == null or $fields[$id] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null or $fields[$stamp] == "" then error("the stamp is missing") else . end |
# Source and id may be longer than an id of ours, and of any characters.
{ eventId: "ce-\("\($fields["ce-source"] | tostring | sha256)-\($fields["ce-id"] | tostring)" | sha256)",
  contactKey: ($fields[$id] | tostring), version: ($fields[$stamp] | ms) } +
if $fields | removed_by($remove) then { operation: "remove" }
elif $event.data == null then error("data is no object")
else $fields | { data: columns_by($columns) } + callable_by($optOut) + campaigns_by($campaignField) end
