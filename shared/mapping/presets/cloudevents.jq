# CloudEvents 1.0 with a flat object as data. The attributes count as members of it, named with the prefix ce-.
# Reads $columns, $optOut, $campaignField, $remove, $cloudevent, $key (the member with the contact's key; default ce-subject)
# and $version (the member with the stamp; default ce-time).
(if $cloudevent != null then { attributes: $cloudevent, data: . }
  elif isobject and has("specversion") then { attributes: del(.data), data: .data }
  else error("no CloudEvent") end) as $event |
# A removal needs no data.
(if $event.data == null then {} elif $event.data | isobject then $event.data else error("data is no object") end) as $data |
($data + ($event.attributes | with_entries(.key |= "ce-" + .))) as $fields |
($key // "ce-subject") as $id | ($version // "ce-time") as $stamp |
if $fields["ce-source"] == null or $fields["ce-id"] == null then error("an event without source or id") else . end |
if $fields[$id] == null or $fields[$id] == "" then error("the key is missing") else . end |
if $fields[$stamp] == null or $fields[$stamp] == "" then error("the stamp is missing") else . end |
# Source and id may be longer than an event id may be, and may hold any characters. So their hash is the id.
{ eventId: "ce-\("\($fields["ce-source"] | tostring | sha256)-\($fields["ce-id"] | tostring)" | sha256)",
  contactKey: ($fields[$id] | tostring), version: ($fields[$stamp] | ms) } +
if $fields | removed_by($remove) then { operation: "remove" }
elif $event.data == null then error("data is no object")
else $fields | { data: columns_by($columns) } + callable_by($optOut) + campaigns_by($campaignField) end
