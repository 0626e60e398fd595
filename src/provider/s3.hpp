// What the S3 resource types share: the sub-resources of a bucket (`?policy`, `?tagging`) and their XML.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "provider/aws.hpp"
#include "provider/s3_document.hpp"
#include "provider/schema.hpp"
#include "text/xml.hpp"

namespace provider {

// A rule for `region`, which every S3 resource takes since @pulumi/aws 7.
[[nodiscard]] Rule region_rule();
// The region to call: the resource's own or, empty, the provider's.
[[nodiscard]] std::string region_of(const Property& properties);

struct SubResource {
    std::string bucket;
    std::string query;  // policy, tagging, versioning, …
    std::string region;
};

[[nodiscard]] base::Result<void> put_sub_resource(Aws& aws, const SubResource& of, std::string body,
                                                  std::string_view content_type);
// The document; nullopt: the bucket has none, or is gone itself.
[[nodiscard]] base::Result<std::optional<std::string>> get_sub_resource(Aws& aws, const SubResource& of);
[[nodiscard]] base::Result<void> delete_sub_resource(Aws& aws, const SubResource& of);

// What follows from a bucket's name and region alone: ARN, domain names, hosted zone.
void set_bucket_outputs(const Aws& aws, const std::string& name, const std::string& region, Property& outputs);

// `<Tagging>` of S3, out and in.
[[nodiscard]] std::string tagging_xml(const Property& tags);
[[nodiscard]] base::Result<Property> tags_from_xml(const std::string& document);

}  // namespace provider
