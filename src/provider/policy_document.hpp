// Policy documents as a deployment sees them: text that two authors may write differently and mean the same.
//
// AWS reorders lists, turns one-element lists into strings and account ids into root ARNs, and authors change key order and
// white space; none of that is a change, and reporting one makes a deployment that never settles. So documents are compared by
// a normal form:
//   - Statement is a set; a single statement is a set of one; an empty Sid or Condition is none;
//   - Action and NotAction (without case), Resource, NotResource, principals and condition values are sets of strings;
//   - Principal "*" is {"AWS": "*"}; an account id is the ARN of the account's root;
//   - condition keys compare without case; true and 5 are "true" and "5"; a Version that is absent is 2008-10-17.
// What is sent to AWS is always the author's own text.
#pragma once

#include <string>
#include <string_view>

#include "provider/property.hpp"

namespace provider {

// Do both texts mean the same? Texts that are not JSON objects are equal only byte by byte.
[[nodiscard]] bool same_policy(std::string_view a, std::string_view b);

// JSON text as Go's encoder (and so Terraform and Pulumi) writes it: sorted keys, `<`, `>` and `&` escaped.
// REQUIRES: no unknowns, secrets, assets or references inside.
[[nodiscard]] std::string document_text(const Property& document);

// `<`, `>` and `&` of a JSON text as \u003c, \u003e, \u0026.
[[nodiscard]] std::string escape_html_in_json(std::string_view json);

}  // namespace provider
