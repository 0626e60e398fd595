// Source: Smithy, "Smithy RPC v2 CBOR protocol"; cbor_codec.cpp shows its forms.
#include "wire/cbor_types.hpp"

#include "model/scalar.hpp"
#include "wire/cbor.hpp"

namespace wire {

using model::Shape;
using model::Type;

namespace {

constexpr uint64_t timestamp_tag = 1;

void put_integer(int64_t value, std::string& out) {
    if (value < 0)
        put_cbor_head(CborMajor::negative, static_cast<uint64_t>(-1 - value), out);
    else
        put_cbor_head(CborMajor::unsigned_integer, static_cast<uint64_t>(value), out);
}

void put_seconds(base::Time time, std::string& out) {
    put_cbor_head(CborMajor::tag, timestamp_tag, out);
    const int64_t millis = time.time_since_epoch().count();
    if (millis % 1000 == 0)
        put_integer(millis / 1000, out);
    else
        put_cbor_double(static_cast<double>(millis) / 1000, out);
}

void write_scalar(const Shape& shape, const void* value, std::string& out) {
    switch (shape.type) {
        case Type::timestamp:
            return put_seconds(*static_cast<const base::Time*>(value), out);
        case Type::blob: {
            const auto& bytes = *static_cast<const std::string*>(value);
            put_cbor_head(CborMajor::bytes, bytes.size(), out);
            out += bytes;
            return;
        }
        case Type::boolean:
            return put_cbor_head(CborMajor::simple, *static_cast<const bool*>(value) ? 21 : 20, out);
        case Type::integer:
            return put_integer(*static_cast<const int32_t*>(value), out);
        case Type::long_integer:
            return put_integer(*static_cast<const int64_t*>(value), out);
        case Type::floating:
            return put_cbor_double(*static_cast<const double*>(value), out);
        default:
            return put_cbor_text(model::scalar_text(shape, value), out);
    }
}

void write_value(const Shape& shape, const void* value, std::string& out) {
    switch (shape.type) {
        case Type::structure: {
            uint64_t count = 0;
            for (const auto& field : shape.fields) count += model::find_known(field, value) != nullptr;
            put_cbor_head(CborMajor::map, count, out);
            for (const auto& field : shape.fields) {
                if (const void* inside = model::find_known(field, value)) {
                    put_cbor_text(field.name, out);
                    write_value(*field.shape, inside, out);
                }
            }
            return;
        }
        case Type::list: {
            const size_t size = shape.list->size(value);
            put_cbor_head(CborMajor::array, size, out);
            for (size_t i = 0; i < size; ++i) write_value(*shape.item, shape.list->item(value, i), out);
            return;
        }
        case Type::map: {
            const size_t size = shape.map->size(value);
            put_cbor_head(CborMajor::map, size, out);
            for (size_t i = 0; i < size; ++i) {
                const auto [key, item] = shape.map->entry(value, i);
                put_cbor_text(key, out);
                write_value(*shape.item, item, out);
            }
            return;
        }
        default:
            write_scalar(shape, value, out);
    }
}

}  // namespace

std::string write_cbor(const Shape& shape, const void* value) {
    std::string out;
    write_value(shape, value, out);
    return out;
}

}  // namespace wire
