// google.protobuf.Struct to Property and back.
//
// Reading accepts every mark an SDK may send. An output value becomes its value (unknown if it has none), wrapped as a secret if
// it says so: who depends on what arrives separately, as propertyDependencies. Writing follows what the caller said it
// understands: without `secrets`, secrets are unwrapped; without `references`, a resource reference becomes its id.
#pragma once

#include "base/result.hpp"
#include "provider/property.hpp"

namespace google::protobuf {
class Struct;
class Value;
}  // namespace google::protobuf

namespace deploy::rpc {

struct Understands {
    bool secrets = false;
    bool references = false;
};

// An error for a marked value that does not hold what its mark promises, or nests too deep.
[[nodiscard]] base::Result<provider::Property> read_struct(const google::protobuf::Struct& message);
[[nodiscard]] base::Result<provider::Property> read_value(const google::protobuf::Value& message);
void write_struct(const provider::Property& object, Understands caller, google::protobuf::Struct& message);
void write_value(const provider::Property& value, Understands caller, google::protobuf::Value& message);

}  // namespace deploy::rpc
