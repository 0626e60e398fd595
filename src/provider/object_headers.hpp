// What the resource types of objects share: the properties that travel as headers, reading by HEAD, and deleting with all versions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/s3.hpp"

namespace provider {

struct ObjectPlace {
    std::string bucket, key, region;
};

// Of the properties or, where they do not say, of the id `bucket/key`.
[[nodiscard]] ObjectPlace object_place(const std::string& id, const Property& known);
[[nodiscard]] wire::S3Call object_call(const char* method, const ObjectPlace& place, std::string query = {});

// Properties that are one header each, in requests and (but for `local` ones) in answers.
[[nodiscard]] std::vector<Rule> object_header_rules();
void set_headers(wire::S3Call& call, const std::vector<Rule>& rules, const Property& inputs);
void set_metadata(wire::S3Call& call, const Property& inputs);

// Retention, legal hold and ACL, where they alone changed: calls of their own, and no new version.
[[nodiscard]] base::Result<void> update_in_place(Aws& aws, const ResourceType& type, const ObjectPlace& place,
                                                 const Property& olds, const Property& news);
[[nodiscard]] base::Result<void> put_object_tags(Aws& aws, const ObjectPlace& place, const Property& tags);

[[nodiscard]] base::Result<std::optional<Property>> read_object(Aws& aws, const std::string& id, const Property& known,
                                                                const std::vector<Rule>& rules);
// `forceDestroy` takes legal holds away and goes past governance.
[[nodiscard]] base::Result<void> remove_object(Aws& aws, const std::string& id, const Property& olds);
// `BUCKET/KEY`.
[[nodiscard]] std::string object_id(const Property& inputs, const Property& outputs);
void predict_object(Aws& aws, const Property& inputs, Property& outputs);

// Adds the checksum that `checksumAlgorithm` names, of the body.
void set_checksum(wire::S3Call& call, const std::string& algorithm);

}  // namespace provider
