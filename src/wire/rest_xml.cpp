#include "wire/rest_xml.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <string>
#include <vector>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "model/scalar.hpp"
#include "model/stream.hpp"
#include "text/time.hpp"
#include "text/xml.hpp"
#include "wire/payload.hpp"
#include "wire/rest_timestamps.hpp"

namespace wire {

using base::Result;
using model::Field;
using model::Location;
using model::RefusedHeader;
using model::Scalar;
using model::Shape;
using model::Type;

namespace {

constexpr size_t fields_max = 128;  // of a structure
constexpr std::string_view metadata_prefix = "x-amz-meta-";
constexpr int not_modified = 304;

using Seen = std::bitset<fields_max>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_before(std::string_view a, std::string_view b) { return std::ranges::lexicographical_compare(a, b, {}, lower, lower); }

bool starts_with(std::string_view name, std::string_view prefix) {
    return name.size() >= prefix.size() && base::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
}

bool contains(std::span<const std::string_view> values, std::string_view value) {
    return std::ranges::find(values, value) != values.end();
}

// --- Headers that are refused ---

std::string filled_in(std::string_view message, std::string_view header, std::string_view value) {
    std::string out(message);
    for (const auto& [place, text] : {std::pair<std::string_view, std::string_view>{"{value}", value}, {"{header}", header}})
        if (const auto at = out.find(place); at != std::string::npos) out.replace(at, place.size(), text);
    return out;
}

// `name` in lower case. Its row's error.
std::optional<base::Error> refused_by(const model::RestService& service, std::string_view name, std::string_view value,
                                      RefusedHeader::Of of) {
    if (value.empty()) return {};  // an empty header is none
    for (const auto& row : service.refused_headers) {
        if (row.of != of || (row.is_prefix ? !name.starts_with(row.name) : name != row.name)) continue;
        if (contains(row.unless, value)) return {};
        if (!row.known.empty() && !contains(row.known, value)) continue;
        return base::Error(std::string(row.code), filled_in(row.message, name, value));
    }
    return {};
}

}  // namespace

Result<std::optional<base::Error>> check_rest_headers(const model::Service& service, const http::RequestHead& head) {
    // The others may be lists, or say nothing that a policy or an operation goes by.
    constexpr auto single = std::to_array<std::string_view>(
        {"content-md5", "content-type", "if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range"});
    const bool reads = head.method == "GET" || head.method == "HEAD";
    const auto& fields = head.headers.fields();
    std::optional<base::Error> refused;
    std::vector<std::string> names;
    names.reserve(fields.size());
    for (const auto& [name, value] : fields) {
        names.push_back(base::lower(name));
        const auto& own = names.back();
        const bool list = own.starts_with(metadata_prefix) || own == "x-amz-object-attributes";
        if (list || !(own.starts_with("x-amz-") || contains(single, own))) continue;
        const auto before = static_cast<size_t>(std::ranges::find(names, own) - names.begin());
        if (before + 1 != names.size() && fields[before].second != value)
            return base::fail(base::code::InvalidArgument, "The header `" + own + "` is given twice with different values.");
        if (!refused)
            refused = refused_by(*service.rest, own, value, reads ? RefusedHeader::Of::reads : RefusedHeader::Of::writes);
    }
    return refused;
}

namespace {

// --- A request's head ---

std::optional<Scalar> scalar_in_head(const Shape& shape, std::string_view text) {
    switch (shape.type) {
        case Type::integer:
        case Type::long_integer: {
            auto scalar = model::scalar_from_text(shape, text);
            return scalar && scalar->integer >= 0 ? scalar : std::nullopt;
        }
        case Type::boolean:
            if (text != "true" && text != "false") return std::nullopt;
            return Scalar{.flag = text == "true"};
        case Type::timestamp: {
            const auto time = read_header_time(shape, text);
            return time ? std::optional(Scalar{.time = *time}) : std::nullopt;
        }
        default:
            return model::scalar_from_text(shape, text);
    }
}

class HeadReader {
public:
    HeadReader(const model::Operation& operation, void* input) : operation_(operation), input_(input) {
        INVARIANT(operation.input == nullptr || operation.input->fields.size() <= fields_max);
    }

    Result<void> read_path(const S3Request& request) {
        const auto& fields = operation_.input->fields;
        for (size_t at = 0; at < fields.size(); ++at) {
            if (fields[at].location != Location::uri) continue;
            const auto name = fields[at].wire_name;
            INVARIANT(name == "Bucket" || name == "Key" || name == "resourceArn");
            TRY(take(at, name == "Bucket" ? request.bucket : name == "Key" ? request.key : "arn:aws:s3:::" + request.bucket));
        }
        return {};
    }

    Result<void> read_headers(const http::Headers& headers) {
        for (const auto& [name, value] : headers.fields()) {
            if (const auto at = find(operation_.rest->headers, name, true)) TRY(take(*at, value));
            if (!prefixes().empty()) take_prefixed(name, value);
        }
        return {};
    }

    Result<void> read_query(const text::QueryParameters& query) {
        for (const auto& [name, value] : query)
            if (const auto at = find(operation_.rest->parameters, name, false)) TRY(take(*at, value));
        return {};
    }

    // Of lists too, that they have too many items.
    Result<void> check_missing() {
        for (size_t at = 0; at < operation_.input->fields.size(); ++at) {
            const Field& field = operation_.input->fields[at];
            const auto* error = field.error;
            if (!error) continue;
            const bool too_many =
                error->items_max > 0 && seen_[at] && field.shape->list->size(field.find(input_)) > error->items_max;
            if (too_many || (error->missing && !seen_[at])) TRY(refuse(*error));
        }
        return {};
    }

    std::optional<base::Error> later;

private:
    // The field with this wire name. Parameters are told apart by their case, headers are not.
    [[nodiscard]] std::optional<size_t> find(std::span<const uint16_t> sorted, std::string_view name, bool ignoring_case) const {
        const auto& fields = operation_.input->fields;
        const auto found = std::ranges::lower_bound(sorted, name, is_before, [&](uint16_t at) { return fields[at].wire_name; });
        if (found == sorted.end()) return std::nullopt;
        const auto own = fields[*found].wire_name;
        const bool same = ignoring_case ? base::equals_ignoring_case(own, name) : own == name;
        return same ? std::optional<size_t>(*found) : std::nullopt;
    }

    Result<void> refuse(const model::MemberError& error) {
        if (error.code.empty()) return {};
        base::Error said(std::string(error.code), std::string(error.message));
        if (error.before_decision) return base::fail(std::move(said));
        if (!later) later = std::move(said);
        return {};
    }

    Result<void> take(size_t at, std::string_view text) {
        const Field& field = operation_.input->fields[at];
        if (field.location == Location::header && text.empty()) return {};  // an empty header is none
        if (field.shape->type == Type::list) return take_item(field, at, text);
        if (seen_[at]) return {};  // the same again (check_rest_headers, read_s3_request)
        if (field.error && text.empty()) {
            if (field.error->empty_is_absent) return {};
            text = field.error->empty;
        }
        seen_.set(at);
        const bool listed = !field.error || field.error->values.empty() || contains(field.error->values, text);
        const auto scalar = listed ? scalar_in_head(*field.shape, text) : std::nullopt;
        if (scalar) {
            model::store(*field.shape, *scalar, field.make(input_));
            return {};
        }
        return field.error ? refuse(*field.error) : Result<void>();
    }

    // Of a list in headers each may hold several, of one in the query each is one.
    Result<void> take_item(const Field& field, size_t at, std::string_view text) {
        void* const list = seen_[at] ? const_cast<void*>(field.find(input_)) : field.make(input_);
        seen_.set(at);
        const auto add = [&](std::string_view item) {
            if (const auto scalar = scalar_in_head(*field.shape->item, item))
                model::store(*field.shape->item, *scalar, field.shape->list->append(list));
        };
        if (field.location == Location::query) {
            add(text);
        } else {
            for (const auto item : base::split(text, ',')) add(base::trim(item));
        }
        return {};
    }

    [[nodiscard]] const std::vector<size_t>& prefixes() {
        if (!looked_for_prefixes_) {
            looked_for_prefixes_ = true;
            for (size_t at = 0; at < operation_.input->fields.size(); ++at)
                if (operation_.input->fields[at].location == Location::prefix_headers) prefixes_.push_back(at);
        }
        return prefixes_;
    }

    // The same name twice is one value with a comma, as in any header list.
    void take_prefixed(std::string_view name, std::string_view value) {
        for (const auto at : prefixes_) {
            const Field& field = operation_.input->fields[at];
            if (name.size() <= field.wire_name.size() || !starts_with(name, field.wire_name)) continue;
            const auto key = base::lower(name.substr(field.wire_name.size()));
            auto& map =
                *static_cast<model::Map<std::string>*>(seen_[at] ? const_cast<void*>(field.find(input_)) : field.make(input_));
            seen_.set(at);
            const auto same = std::ranges::find(map, key, &std::pair<std::string, std::string>::first);
            if (same == map.end())
                map.emplace_back(key, value);
            else
                (same->second += ",") += value;
        }
    }

    const model::Operation& operation_;
    void* const input_;
    Seen seen_;
    std::vector<size_t> prefixes_;
    bool looked_for_prefixes_ = false;
};

}  // namespace

Result<std::optional<base::Error>> read_rest_head(const model::Operation& operation, const http::RequestHead& head,
                                                  const S3Request& request, void* input) {
    INVARIANT(operation.rest != nullptr);
    std::optional<base::Error> refused;
    if (operation.rest->writes_object) {
        for (const auto& [name, value] : head.headers.fields())
            if (!refused && starts_with(name, "x-amz-"))
                refused = refused_by(*operation.service->rest, base::lower(name), value, RefusedHeader::Of::object_writes);
    }
    if (!operation.input) return refused;
    HeadReader reader(operation, input);
    TRY(reader.read_path(request));
    TRY(reader.read_headers(head.headers));
    TRY(reader.read_query(request.query));
    TRY(reader.check_missing());
    return refused ? std::move(refused) : std::move(reader.later);
}

bool has_digest(const http::RequestHead& head) {
    return std::ranges::any_of(head.headers.fields(), [](const auto& field) {
        constexpr std::string_view checksum = "x-amz-checksum-";
        const auto name = base::lower(field.first);
        if (name == "content-md5" || name == "x-amz-trailer") return true;
        return name.starts_with(checksum) && checksum_kind(std::string_view(name).substr(checksum.size())).has_value();
    });
}

namespace {

// --- A request's body ---

// Where a document is not what the model says: the path of an element, and what is wrong with it.
struct Problem {
    std::string place, what;
    const model::MemberError* refused = nullptr;  // what is there asks for what is not here
};
using Read = std::expected<void, Problem>;

std::unexpected<Problem> problem(const text::XmlElement& element, std::string what) {
    return std::unexpected(Problem{.place = element.name, .what = std::move(what)});
}

Read below(const text::XmlElement& element, Read read) {
    if (!read) read.error().place.insert(0, element.name + "/");
    return read;
}

std::optional<Scalar> scalar_in_document(const Shape& shape, const std::string& content) {
    if (shape.type == Type::boolean) return model::scalar_from_text(shape, base::trim(content));
    if (shape.type == Type::timestamp) {
        if (const auto time = text::parse_http_date(content)) return Scalar{.time = *time};
    }
    return model::scalar_from_text(shape, content);
}

Read read_element(const Shape& shape, const text::XmlElement& element, void* into);

Read read_list(const Shape& shape, const text::XmlElement& element, void* list) {
    for (const auto& item : element.children) {
        if (item.name != shape.item_name) return below(element, problem(item, "is not a " + std::string(shape.item_name)));
        if (auto read = read_element(*shape.item, item, shape.list->append(list)); !read) return below(element, std::move(read));
    }
    return {};
}

Read read_structure(const Shape& shape, const text::XmlElement& element, void* into) {
    INVARIANT(shape.fields.size() <= fields_max);
    Seen seen;
    for (const auto& child : element.children) {
        const auto field = std::ranges::find_if(shape.fields, [&](const Field& candidate) {
            return candidate.location == Location::body && candidate.wire_name == child.name;
        });
        if (field == shape.fields.end()) {
            if (shape.closed) return below(element, problem(child, "is not expected there"));
            continue;
        }
        if (field->error) return std::unexpected(Problem{.place = child.name, .what = {}, .refused = field->error});
        const auto at = static_cast<size_t>(field - shape.fields.begin());
        const bool again = seen[at];
        seen.set(at);
        Read read;
        if (field->shape->type == Type::list && field->shape->flattened) {
            void* const list = again ? const_cast<void*>(field->find(into)) : field->make(into);
            read = read_element(*field->shape->item, child, field->shape->list->append(list));
        } else if (!again) {
            read = read_element(*field->shape, child, field->make(into));
        }
        if (!read) return below(element, std::move(read));
    }
    for (size_t at = 0; at < shape.fields.size(); ++at) {
        const Field& field = shape.fields[at];
        if (field.location == Location::attribute && !element.type.empty())
            model::store(*field.shape, Scalar{.text = element.type}, field.make(into));
        else if (field.location == Location::body && field.is_required() && !seen[at])
            return problem(element, "lacks " + std::string(field.wire_name));
    }
    return {};
}

Read read_element(const Shape& shape, const text::XmlElement& element, void* into) {
    if (shape.type == Type::structure) return read_structure(shape, element, into);
    if (shape.type == Type::list) return read_list(shape, element, into);
    const auto scalar = scalar_in_document(shape, element.content);
    if (!scalar) return problem(element, "is not " + std::string(model::description_of(shape.type)));
    model::store(shape, *scalar, into);
    return {};
}

base::Error malformed(const model::RestOperation& operation, base::Error error) {
    if (operation.malformed_code.empty()) return error;
    return {std::string(operation.malformed_code), std::string(operation.malformed_message)};
}

base::Error malformed_xml(const std::string& note) {
    return base::Error(base::code::MalformedXML,
                       "The XML you provided was not well-formed or did not validate against our published schema")
        .note(note);
}

// What the parser says stands in the note: the sentence is AWS's.
base::Error unreadable(const base::Error& error) {
    return malformed_xml(error.notes.empty() ? error.message : error.notes.front());
}

}  // namespace

bool takes_document(const model::Operation& operation) {
    const auto* payload = operation.rest->payload;
    return !operation.rest->request_root.empty() || (payload && payload->shape->type != Type::stream);
}

size_t document_bytes_at_most(std::string_view body) {
    constexpr size_t element_bytes = 160;
    return element_bytes * static_cast<size_t>(std::ranges::count(body, '<'));
}

Result<void> read_rest_body(const model::Operation& operation, std::string_view body, void* input) {
    const auto& rest = *operation.rest;
    if (rest.request_root.empty()) {  // a text, as it is
        model::store(*rest.payload->shape, Scalar{.text = body}, rest.payload->make(input));
        return {};
    }
    if (rest.payload && !rest.payload->is_required() && base::trim(body).empty()) return {};
    const auto document = text::parse_xml(body);
    if (!document) return base::fail(malformed(rest, unreadable(document.error())));
    if (document->name != rest.request_root)
        return base::fail(malformed(rest, malformed_xml("the document is <" + document->name.substr(0, 64) + ">, and not <" +
                                                        std::string(rest.request_root) + ">")));
    auto read = rest.payload ? read_element(*rest.payload->shape, *document, rest.payload->make(input))
                             : read_structure(*operation.input, *document, input);
    if (read) return {};
    if (const auto* refused = read.error().refused) return base::fail(std::string(refused->code), std::string(refused->message));
    return base::fail(malformed(rest, malformed_xml(read.error().place.substr(0, 256) + " " + read.error().what)));
}

namespace {

// --- An answer ---

std::string text_of(const Shape& shape, const void* value) {
    // S3 counts in seconds, as the headers of the same object say it, and writes milliseconds.
    if (shape.type == Type::timestamp)
        return text::iso8601_millis(std::chrono::floor<std::chrono::seconds>(*static_cast<const base::Time*>(value)));
    return model::scalar_text(shape, value);
}

void write_members(text::XmlWriter& out, const Shape& shape, const void* structure);

void write_value(text::XmlWriter& out, const Shape& shape, std::string_view name, const void* value) {
    if (shape.type == Type::structure) {
        if (shape.attribute_prefix.empty()) {
            out.open(name);
        } else {
            std::vector<std::pair<std::string, std::string>> attributes = {
                {"xmlns:" + std::string(shape.attribute_prefix), std::string(shape.attribute_namespace)}};
            for (const auto& field : shape.fields)
                if (const void* inside = model::find_known(field, value); inside && field.location == Location::attribute)
                    attributes.emplace_back(field.wire_name, text_of(*field.shape, inside));
            out.open_with(name, attributes);
        }
        write_members(out, shape, value);
        out.close();
    } else if (shape.type == Type::list) {
        if (!shape.flattened) out.open(name);
        for (size_t i = 0, size = shape.list->size(value); i < size; ++i)
            write_value(out, *shape.item, shape.flattened ? name : shape.item_name, shape.list->item(value, i));
        if (!shape.flattened) out.close();
    } else {
        out.element(name, text_of(shape, value));
    }
}

void write_members(text::XmlWriter& out, const Shape& shape, const void* structure) {
    for (const auto& field : shape.fields)
        if (const void* inside = model::find_known(field, structure); inside && field.location == Location::body)
            write_value(out, *field.shape, field.wire_name, inside);
}

std::string document_of(const model::Operation& operation, const void* output) {
    const auto& rest = *operation.rest;
    text::XmlWriter out(text::ControlCharacters::referenced);
    out.open(rest.answer_root, operation.service->xml_namespace);
    if (rest.answer_payload) {
        if (const void* payload = model::find_known(*rest.answer_payload, output))
            write_members(out, *rest.answer_payload->shape, payload);
    } else if (rest.unwrapped) {
        const Field& only = operation.output->fields.front();
        if (const void* text = model::find_known(only, output)) out.text(model::scalar_text(*only.shape, text));
    } else {
        write_members(out, *operation.output, output);
    }
    out.close();
    return out.finish();
}

http::FileRange http_range(const model::FileRange& range) {
    return {range.owner, range.descriptor, range.offset, range.length, range.read};
}

decltype(http::Response::body) stream_of(const void* output, const Field& field) {
    const auto& body = *static_cast<const model::ResponseBody*>(field.find(output));
    if (const auto* bytes = std::get_if<std::string>(&body)) return *bytes;
    if (const auto* file = std::get_if<model::FileRange>(&body)) return http_range(*file);
    std::vector<http::FileRange> files;
    for (const auto& file : std::get<std::vector<model::FileRange>>(body)) files.push_back(http_range(file));
    return files;
}

void write_header(http::Response& out, const Field& field, const void* value, bool is_head) {
    if (field.shape->type == Type::timestamp) {
        const base::Time time = *static_cast<const base::Time*>(value);
        out.headers.add(std::string(field.wire_name), write_header_time(*field.shape, time));
    } else if (field.wire_name == "Content-Length") {
        // The server's own, but for an answer without a body.
        INVARIANT(is_head && field.shape->type == Type::long_integer);
        out.content_length = static_cast<uint64_t>(*static_cast<const int64_t*>(value));
    } else {
        out.headers.add(std::string(field.wire_name), model::scalar_text(*field.shape, value));
    }
}

void write_head(http::Response& out, const Shape& shape, const void* output, bool is_head) {
    for (const auto& field : shape.fields) {
        const void* value = model::find_known(field, output);
        if (!value) continue;
        if (field.location == Location::header) write_header(out, field, value, is_head);
        if (field.location == Location::status) out.status = *static_cast<const int32_t*>(value);
        if (field.location == Location::prefix_headers)
            for (const auto& [key, text] : *static_cast<const model::Map<std::string>*>(value))
                out.headers.add(std::string(field.wire_name) + key, text);
    }
}

}  // namespace

http::Response write_rest(const model::Operation& operation, const http::RequestHead& head, const void* output) {
    INVARIANT(operation.rest != nullptr);
    const auto& rest = *operation.rest;
    http::Response out{.status = rest.status, .headers = {}, .body = std::string(), .content_length = {}};
    if (operation.output) write_head(out, *operation.output, output, head.method == "HEAD");
    if (!rest.content_type.empty()) out.headers.add("Content-Type", std::string(rest.content_type));
    if (out.status == not_modified) return out;
    if (!rest.answer_root.empty()) {
        out.headers.add("Content-Type", "application/xml");
        out.body = document_of(operation, output);
    } else if (rest.answer_payload) {
        if (rest.answer_payload->shape->type == Type::stream)
            out.body = stream_of(output, *rest.answer_payload);
        else if (const void* text = model::find_known(*rest.answer_payload, output))
            out.body = *static_cast<const std::string*>(text);
    }
    return out;
}

}  // namespace wire
