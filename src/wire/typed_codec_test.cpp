// Typed values are read and written exactly as documents are: the same value or the same error, the same bytes. For every
// operation of every model, over generated inputs that are valid, have wrong types, break constraints.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>

#include "model/json.hpp"
#include "model/members.hpp"
#include "model/services.hpp"
#include "text/uri.hpp"
#include "wire/cbor_types.hpp"
#include "wire/model.hpp"
#include "wire/query_types.hpp"

using text::Json;
using wire::Shape;
using wire::ShapeType;

namespace {

struct Pair {
    const wire::ServiceModel* service;
    const wire::OperationModel* before;
    const model::Operation* typed;
};

std::vector<Pair> every_operation() {
    std::vector<Pair> out;
    size_t services = 0;
    for (const auto* service : model::services()) {
        if (service->rest) continue;  // never was a document: tests/rest_codec.py
        ++services;
        const auto* before = wire::find_service(service->signing_name);
        REQUIRE(before);
        REQUIRE(before->operations.size() == service->operations.size());
        for (const auto* operation : service->operations) {
            REQUIRE(before->find(operation->name));
            out.push_back({before, before->find(operation->name), operation});
        }
    }
    REQUIRE(services == wire::service_models().size());
    return out;
}

// A struct of the shape's type, made and kept without its type.
class Value {
public:
    Value(const model::Service& service, const model::Shape& shape) {
        for (const auto& [name, structs] : model::StructsOfService::every())
            if (name == service.name)
                for (const auto& one : structs)
                    if (one.name == shape.name) type_ = &one;
        REQUIRE(type_);
        value_ = type_->make();
    }
    Value(const Value&) = delete;
    Value& operator=(const Value&) = delete;
    ~Value() { type_->destroy(value_); }
    void* get() { return value_; }

private:
    const model::StructByName* type_ = nullptr;
    void* value_ = nullptr;
};

class Random {
public:
    explicit Random(uint32_t seed) : engine_(seed) {}
    size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(engine_); }
    bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(engine_) < probability; }
    template <class T>
    const T& of(const std::vector<T>& list) {
        return list[below(list.size())];
    }

private:
    std::mt19937 engine_;
};

const std::vector<std::string>& some_texts() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> out = {"",
                                        "a",
                                        "ab",
                                        "Name-1",
                                        "a b*c!",
                                        "\xc3\xa4\xc3\xb6",
                                        "\x01",
                                        "line\nbreak",
                                        "/",
                                        "/path/",
                                        "123456789012",
                                        "01234567-89ab-cdef-0123-456789abcdef",
                                        "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/a",
                                        "arn:aws:s3:us-east-1:123456789012:accesspoint/a",
                                        "arn:aws:s3express:us-east-1:123456789012:accesspoint/a",
                                        "arn:aws:cloudtrail:us-east-1:123456789012:trail/t",
                                        "vpc-0123456789abcdef0",
                                        "123456",
                                        "*",
                                        "true",
                                        "s3://bucket/prefix",
                                        "https://example.com/x",
                                        "arn:aws:iam::123456789012:role/role",
                                        "arn:aws:iam::aws:policy/ReadOnlyAccess",
                                        "arn:aws:sagemaker:us-east-1:123456789012:training-job/job",
                                        "arn:aws:logs:us-east-1:123456789012:log-group:g",
                                        "s3:GetObject",
                                        "arn:aws:kms:us-east-1:123456789012:key/1234abcd",
                                        "AKIAIOSFODNN7EXAMPLE",
                                        "{\"Version\":\"2012-10-17\"}",
                                        "ml.m5.large",
                                        "group/stream",
                                        "arn:aws:s3:::bucket/key",
                                        "sg-0123456789abcdef0",
                                        "subnet-0123456789abcdef0",
                                        "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1",
                                        "v1",
                                        "AWS/Usage",
                                        "aws:PrincipalTag/team",
                                        "2026-01-31",
                                        "fs-0123456789abcdef0",
                                        "m1",
                                        "4K",
                                        "0123456789abcdef0123456789abcdef",
                                        "10.0.0.1",
                                        "[$.x]",
                                        "<&\">",
                                        "exp-1234567890",
                                        "arn:aws:sagemaker:us-east-1:123456789012:training-plan/plan",
                                        "arn:aws:sagemaker:us-east-1:123456789012:algorithm/a",
                                        "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABCDEFGHIJKL",
                                        "ARN:x",
                                        "ABCDEFGHIJKLMNOP",
                                        "AROA1234567890123456",
                                        "arn:aws:lambda:us-east-1:123456789012:function:name",
                                        "arn:aws:sagemaker:us-east-1:123456789012:hub/h",
                                        "arn:aws:sagemaker:us-east-1:123456789012:model-package/name/1",
                                        "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/s",
                                        "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/name/1.0.0",
                                        "arn:aws:sagemaker:us-east-1:aws:hub-content/hub/DataSet/name/1.0.0",
                                        "arn:aws:sagemaker:us-east-1:aws:hub-content/hub/JsonDoc/name/1.0.0",
                                        "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/job",
                                        "arn:aws:sagemaker:us-east-1:123456789012:automl-job/job",
                                        "arn:aws:sagemaker:us-east-1:123456789012:labeling-job/job",
                                        "arn:aws:sagemaker:us-east-1:123456789012:processing-job/job",
                                        "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/group",
                                        "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/a"};
        for (const size_t length : {16u, 20u, 48u, 64u, 65u, 129u, 257u, 513u, 1025u, 1600u, 2049u, 4097u})
            out.emplace_back(length, 'a');
        std::string umlauts;
        for (int i = 0; i < 600; ++i) umlauts += "\xc3\xa4";
        out.push_back(umlauts);
        return out;
    }();
    return all;
}

// Random documents of a shape. `faults`: how often something is wrong with a value.
class Documents {
public:
    Documents(const wire::ServiceModel& service, bool wire_names, uint32_t seed)
        : random(seed), service_(service), wire_names_(wire_names) {}

    Json of(const Shape& shape, double faults, int depth = 0) {
        if (random.chance(faults)) return wrong(shape);
        switch (shape.type) {
            case ShapeType::structure: {
                Json out = Json::object();
                // Deep inputs get long otherwise.
                const double optional = depth == 0 ? 0.5 : 0.3;
                for (const auto& member : shape.members) {
                    if (!random.chance(member.required ? 1 - faults : optional)) continue;
                    out.set(wire_names_ ? member.wire_name : member.name,
                            random.chance(faults) ? Json() : of(*member.shape, faults, depth + 1));
                }
                if (random.chance(faults)) out.set("NoSuchMember", Json(1));
                return out;
            }
            case ShapeType::list: {
                Json out = Json::array();
                for (size_t left = length_of(shape, faults); left > 0; --left) out.push(of(*shape.item, faults, depth + 1));
                return out;
            }
            case ShapeType::map: {
                Json out = Json::object();
                for (size_t left = length_of(shape, faults); left > 0; --left)
                    out.set(of(*shape.key, faults / 2, depth + 1).as_string() + (random.chance(faults) ? "!" : ""),
                            of(*shape.item, faults, depth + 1));
                return out;
            }
            default:
                return scalar(shape);
        }
    }

    Random random;

private:
    size_t length_of(const Shape& shape, double faults) {
        if (shape.has_max && shape.max < 60 && random.chance(faults)) return static_cast<size_t>(shape.max) + 1;
        if (random.chance(faults)) return 0;
        const auto least = shape.has_min ? static_cast<size_t>(shape.min) : 0;
        return least + random.below(shape.has_max && shape.max < 3 ? static_cast<size_t>(shape.max) - least + 1 : 3);
    }

    Json scalar(const Shape& shape) {
        switch (shape.type) {
            case ShapeType::integer: {
                const int64_t least = shape.has_min ? shape.min : -3, most = shape.has_max ? shape.max : least + 100'000;
                const auto value = least + static_cast<int64_t>(
                                               random.below(static_cast<size_t>(std::min<int64_t>(most - least, 1'000'000)) + 1));
                if (random.chance(0.1)) return Json::number(std::to_string(value) + ".0");
                return Json(value);
            }
            case ShapeType::floating:
                return Json(static_cast<double>(random.below(1000)) / 8);
            case ShapeType::boolean:
                return Json(random.chance(0.5));
            case ShapeType::timestamp:
                if (random.chance(0.3)) return Json("2026-01-31T12:00:00.125Z");
                return random.chance(0.5) ? Json(int64_t{1700000000}) : Json::number("1700000000.25");
            case ShapeType::blob:
                return Json("Ynl0ZXM=");
            default:
                return Json(random.of(texts(shape)));
        }
    }

    // Texts that hold to the shape's constraints.
    const std::vector<std::string>& texts(const Shape& shape) {
        auto& found = texts_[&shape];
        if (!found.empty()) return found;
        for (const auto value : shape.enumeration) found.emplace_back(value);
        if (found.empty())
            for (const auto& text : some_texts())
                if (wire::validate(service_, shape, Json(text))) found.push_back(text);
        CHECK_MESSAGE(!found.empty(), std::string(shape.name)
                                          << " is satisfied by none of the texts: " << std::string(shape.pattern));
        if (found.empty()) found.emplace_back("x");
        return found;
    }

    // Of another type, or one that may break a constraint.
    Json wrong(const Shape& shape) {
        switch (random.below(12)) {
            case 0:
                return Json(int64_t{5});
            case 1:
                return Json::number("2.5");
            case 2:
                return Json(true);
            case 3:
                return Json::object({{"Key", "x"}});
            case 4:
                return Json::array({Json("x"), Json()});
            case 5:
                return Json::number("99999999999999999999");
            default:
                break;
        }
        if (shape.type == ShapeType::integer || shape.type == ShapeType::floating)
            return random.chance(0.5) ? Json(int64_t{-1'000'000}) : Json(int64_t{2'000'000'000});
        if (shape.type == ShapeType::structure) return Json::object();
        if (shape.type == ShapeType::list) return Json::array();
        return Json(random.of(some_texts()));
    }

    const wire::ServiceModel& service_;
    bool wire_names_;
    std::map<const Shape*, std::vector<std::string>> texts_;
};

// Numbers by value: a document keeps a number as it was written, a struct does not.
bool same(const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) return a.as_double() == b.as_double();
    if (a.type() != b.type() || a.size() != b.size()) return false;
    if (a.is_array()) return std::ranges::equal(a.items(), b.items(), same);
    if (a.is_object())
        return std::ranges::equal(a.members(), b.members(),
                                  [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); });
    return a == b;
}

struct Counts {
    size_t valid = 0, wrong_type = 0, broken = 0;
};

// Both readers' answers to one input.
void compare(const Pair& pair, const base::Result<Json>& before, const base::Result<void>& typed, const void* value,
             Counts& counts) {
    if (!before) {
        const bool is_broken = before.error().code == pair.typed->service->validation_error;
        ++(is_broken ? counts.broken : counts.wrong_type);
        REQUIRE_FALSE(typed.has_value());
        CHECK(typed.error().code == before.error().code);
        CHECK(typed.error().message == before.error().message);
        return;
    }
    ++counts.valid;
    REQUIRE_MESSAGE(typed.has_value(), typed.error().describe());
    const auto document = pair.typed->input ? model::write_document(*pair.typed->input, value) : Json::object();
    CHECK_MESSAGE(same(document, *before), document.dump() << " is not " << before->dump());
}

bool has_constraint(const Shape& shape) {
    const bool own = shape.has_min || shape.has_max || !shape.re2_pattern.empty() || !shape.enumeration.empty();
    return own || (shape.item && has_constraint(*shape.item)) || std::ranges::any_of(shape.members, [](const auto& member) {
               return member.required || has_constraint(*member.shape);
           });
}

void compare_json(const Pair& pair, std::string_view body, Counts& counts) {
    INFO(std::string(body));
    const auto before = wire::decode_json_input(*pair.service, *pair.before, body);
    if (!pair.typed->input) return compare(pair, before, model::read_json(*pair.typed, body, nullptr), nullptr, counts);
    Value value(*pair.typed->service, *pair.typed->input);
    compare(pair, before, model::read_json(*pair.typed, body, value.get()), value.get(), counts);
}

void compare_query(const Pair& pair, const text::QueryParameters& form, Counts& counts) {
    std::string shown;
    for (const auto& [name, content] : form) shown += name + "=" + content + "&";
    INFO(shown);
    const auto before = wire::decode_query_input(*pair.service, *pair.before, form);
    if (!pair.typed->input) return compare(pair, before, wire::read_query(*pair.typed, form, nullptr), nullptr, counts);
    Value value(*pair.typed->service, *pair.typed->input);
    compare(pair, before, wire::read_query(*pair.typed, form, value.get()), value.get(), counts);
}

// A form in which things are missing, doubled, misplaced.
void spoil(text::QueryParameters& form, Random& random) {
    for (size_t left = random.below(3); left > 0 && !form.empty(); --left) {
        const size_t at = random.below(form.size());
        auto& [name, content] = form[at];
        const auto digit = name.find_first_of("123");
        switch (random.below(7)) {
            case 0:
                form.erase(form.begin() + static_cast<ptrdiff_t>(at));
                break;
            case 1:
                if (random.chance(0.2)) form.insert(form.begin() + static_cast<ptrdiff_t>(random.below(form.size())), form[at]);
                break;
            case 2:
                name += ".nonsense";
                break;
            case 3:
                if (digit != std::string::npos) name[digit] = static_cast<char>('1' + random.below(4));
                break;
            case 4:
                name = name.substr(0, name.rfind('.'));
                break;
            default:
                content = random.of(some_texts());
        }
    }
}

}  // namespace

TEST_CASE("JSON requests are read alike by documents and types") {
    const std::string too_many = "[" + std::string(model::input_values_max, ',') + "]";
    for (const auto& pair : every_operation()) {
        if (pair.service->protocol != wire::Protocol::json && !pair.service->query_compatible) continue;
        INFO(std::string(pair.before->name));
        Counts counts;
        Documents documents(*pair.service, true, 20261127);
        for (const double faults : {0.0, 0.01, 0.03, 0.1})
            for (int i = 0; i < 250; ++i)
                compare_json(pair, pair.before->input ? documents.of(*pair.before->input, faults).dump() : "{}", counts);
        for (const auto* body : {"", "{}", "[]", "3", "null", "{", "{\"a\":1,\"a\":2}", too_many.c_str()})
            compare_json(pair, body, counts);
        CHECK(counts.valid > 0);
        CHECK(counts.wrong_type > 0);
        if (pair.before->input && has_constraint(*pair.before->input)) CHECK(counts.broken > 0);
    }
}

TEST_CASE("Query requests are read alike by documents and types") {
    Counts all;
    for (const auto& pair : every_operation()) {
        if (pair.service->protocol != wire::Protocol::query) continue;
        INFO(std::string(pair.before->name));
        Counts counts;
        Documents documents(*pair.service, false, 20261127);
        for (const double faults : {0.0, 0.01, 0.03, 0.1})
            for (int i = 0; i < 250; ++i) {
                const auto input = pair.before->input ? documents.of(*pair.before->input, faults) : Json::object();
                auto form = text::parse_query(wire::encode_query_input(*pair.service, *pair.before, input), true);
                REQUIRE(form);
                if (faults > 0) spoil(*form, documents.random);
                compare_query(pair, *form, counts);
            }
        CHECK(counts.valid > 0);
        if (pair.before->input && has_constraint(*pair.before->input)) CHECK(counts.broken > 0);
        all.wrong_type += counts.wrong_type;
    }
    CHECK(all.wrong_type > 1000);
    // What no generator comes upon: more items than a list may have, a key of a map twice.
    text::QueryParameters many;
    for (int i = 1; i <= 10'001; ++i) many.emplace_back("ActionNames.member." + std::to_string(i), "s3:GetObject");
    const std::string map = "EntityMetricData.member.1.Entity.Attributes.entry.";
    const std::map<std::string_view, text::QueryParameters> forms = {
        {"SimulateCustomPolicy", many},
        {"TagUser", {{"UserName", "u"}, {"Tags.member.1.Key", "k"}, {"Tags.member.1.Value", "v"}, {"Tags.member.01.Value", "w"}}},
        {"UntagUser", {{"UserName", "u"}, {"TagKeys.1", "k"}}},
        {"AssumeRole", {{"PolicyArns.member.1.Arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}}},
        {"PutMetricData",
         {{"Namespace", "n"}, {map + "1.key", "k"}, {map + "1.value", "v"}, {map + "2.key", "k"}, {map + "2.value", "w"}}}};
    size_t compared = 0;
    for (const auto& pair : every_operation()) {
        const auto form = forms.find(pair.before->name);
        if (form == forms.end()) continue;
        Counts counts;
        compare_query(pair, form->second, counts);
        CHECK(counts.wrong_type == 1);
        ++compared;
    }
    CHECK(compared == forms.size());
    const std::string tag = "Tags.member.";
    for (const auto& pair : every_operation()) {
        if (pair.before->name != "TagUser") continue;
        Counts counts;
        compare_query(
            pair,
            {{"UserName", "u"}, {tag + "12.Key", "b"}, {tag + "12.Value", "2"}, {tag + "3.Key", "a"}, {tag + "3.Value", "1"}},
            counts);
        CHECK(counts.valid == 1);
    }
}

TEST_CASE("the fuzzer's requests are read alike by documents and types") {
    const auto operations = every_operation();
    Counts counts;
    for (const auto& entry : std::filesystem::directory_iterator("fuzz/seeds/service_input")) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string seed((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        if (seed.size() < 2) continue;
        // The first two bytes choose for the fuzzer; here each body goes to every operation.
        const auto body = std::string_view(seed).substr(2);
        const auto form = text::parse_query(body, true);
        for (const auto& pair : operations) {
            compare_json(pair, body, counts);
            if (form) compare_query(pair, *form, counts);
        }
    }
    CHECK(counts.valid > 0);
    CHECK(counts.wrong_type + counts.broken > 0);
}

TEST_CASE("answers are written alike from documents and types") {
    size_t compared = 0;
    for (const auto& pair : every_operation()) {
        INFO(std::string(pair.before->name));
        const auto& operation = *pair.typed;
        if (!operation.output) {
            CHECK(wire::write_query(operation, nullptr, "id") ==
                  wire::encode_query_output(*pair.service, *pair.before, Json(), "id"));
            continue;
        }
        // Read as if it were an input.
        const model::Operation reading{operation.name, operation.service, operation.output, operation.output, ""};
        Documents documents(*pair.service, false, 7);
        for (int i = 0; i < 100; ++i) {
            const auto document = documents.of(*pair.before->output, 0);
            Value value(*operation.service, *operation.output);
            const auto read = model::read_document(reading, document, value.get());
            REQUIRE_MESSAGE(read.has_value(), read.error().describe() << " " << document.dump());
            const auto written = model::write_document(*operation.output, value.get());
            // By what a struct holds: a document's numbers and times may be spelt in several ways.
            CHECK(wire::write_query(operation, value.get(), "id<") ==
                  wire::encode_query_output(*pair.service, *pair.before, written, "id<"));
            CHECK(model::write_json(*operation.output, value.get()) == wire::encode_json_output(*pair.before, written));
            CHECK(wire::write_cbor(*operation.output, value.get()) == wire::encode_cbor_output(*pair.before, written));
            // A client reads what was written.
            Value received(*operation.service, *operation.output);
            REQUIRE(model::read_json_answer(operation, model::write_json(*operation.output, value.get()), received.get()));
            CHECK(model::write_document(*operation.output, received.get()) == written);
            if (!operation.result_wrapper.empty()) {
                const auto xml = wire::write_query(operation, value.get(), "id");
                const auto before = wire::decode_query_output(*pair.before, xml);
                Value from_xml(*operation.service, *operation.output);
                const auto now = wire::read_query_answer(operation, xml, from_xml.get());
                CHECK(now.has_value() == before.has_value());
                if (now && before) CHECK(same(model::write_document(*operation.output, from_xml.get()), *before));
            }
            // And sends what it was given, here as if it were an input.
            wire::OperationModel sent = *pair.before;
            sent.input = pair.before->output;
            CHECK(wire::write_form(reading, pair.service->version, value.get()) ==
                  wire::encode_query_input(*pair.service, sent, written));
            CHECK(same(*wire::decode_json_output(*pair.before, wire::encode_json_output(*pair.before, document)),
                       *wire::decode_json_output(*pair.before, model::write_json(*operation.output, value.get()))));
            ++compared;
        }
    }
    CHECK(compared > 5000);
}
