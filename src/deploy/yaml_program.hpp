// Pulumi YAML, evaluated here: no process, no SDK.
//
// Source: Pulumi's YAML language reference. A template has `config`, `variables`, `resources` and `outputs`; each variable and
// resource is a node; a node may use others by `${name.property}`, and runs when they are done. Resources register in parallel,
// expressions are evaluated on one thread. A value that uses an unknown one is unknown, one that uses a secret is secret.
//
// Functions (names without regard to case): fn::invoke and fn::PACKAGE:MODULE:NAME, fn::join, fn::split, fn::select, fn::toJSON,
// fn::toBase64, fn::fromBase64, fn::secret, fn::readFile, fn::stringAsset, fn::fileAsset, fn::fileArchive. Others are refused by
// name, as are unknown resource options.
#pragma once

#include "deploy/program.hpp"

namespace deploy {

[[nodiscard]] base::Result<std::unique_ptr<Program>> start_yaml(ProgramOptions options, rpc::Monitor& monitor);

// `aws:s3:Bucket` and `aws:s3/bucket:Bucket` are the same type; so are `aws:getRegion` and `aws:index/getRegion:getRegion`.
[[nodiscard]] std::string full_token(std::string_view token);

}  // namespace deploy
