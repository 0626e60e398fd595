// The tables say where members lie by offsets and by functions; here the compiler says it, by the members' names (members.hpp).
#include "model/shape.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "model/members.hpp"
#include "model/services.hpp"
#include "model/stream.hpp"

using model::Shape;
using model::Type;

namespace {

// Every struct that a service's operations reach, by its name.
std::map<std::string_view, const Shape*> structs_of(const model::Service& service) {
    std::map<std::string_view, const Shape*> out;
    std::set<const Shape*> seen;
    const auto visit = [&](const auto& self, const Shape* shape) -> void {
        if (!shape || !seen.insert(shape).second) return;
        if (shape->type == Type::structure) out.emplace(shape->name, shape);
        for (const auto& field : shape->fields) self(self, field.shape);
        self(self, shape->item);
        self(self, shape->key);
    };
    for (const auto* operation : service.operations) {
        visit(visit, operation->input);
        visit(visit, operation->output);
    }
    return out;
}

const std::type_info* scalar_type(Type type) {
    switch (type) {
        case Type::string:
        case Type::blob:
            return &typeid(std::string);
        case Type::integer:
            return &typeid(int32_t);
        case Type::long_integer:
            return &typeid(int64_t);
        case Type::floating:
            return &typeid(double);
        case Type::boolean:
            return &typeid(bool);
        case Type::timestamp:
            return &typeid(base::Time);
        default:
            return nullptr;
    }
}

// The first thing that the table and the compiler say differently about the member; empty: nothing.
std::string difference(const Shape& shape, const model::MemberName& member,
                       const std::map<std::string_view, const model::StructByName*>& named) {
    switch (shape.type) {
        case Type::structure: {
            const auto found = named.find(shape.name);
            return found != named.end() && *found->second->type == *member.type ? "" : "another struct";
        }
        case Type::enumeration:
            return member.is_enumeration && !shape.enumeration.empty() ? "" : "no enum";
        case Type::list:
            return member.access == shape.list ? "" : "another list";
        case Type::map:
            return member.access == shape.map ? "" : "another map";
        case Type::stream:
            return *member.type == typeid(model::ByteSource*) || *member.type == typeid(model::ResponseBody) ? "" : "no stream";
        default:
            return *scalar_type(shape.type) == *member.type ? "" : "another type";
    }
}

}  // namespace

TEST_CASE(
    "every member that the tables know is where and what its name says, and what is set through the table is read by name") {
    std::set<std::string> services;
    size_t structs = 0, members = 0;
    for (const auto& [service_name, listed] : model::StructsOfService::every()) {
        services.insert(service_name);
        std::map<std::string_view, const model::StructByName*> named;
        for (const auto& one : listed) named.emplace(one.name, &one);
        const model::Service* service = nullptr;
        for (const auto* candidate : model::services())
            if (candidate->name == service_name) service = candidate;
        REQUIRE_MESSAGE(service, service_name);
        const auto shapes = structs_of(*service);
        CHECK(shapes.size() == listed.size());
        for (const auto& [name, shape] : shapes) {
            INFO(service_name << " " << std::string(name));
            REQUIRE(named.contains(name));
            const auto& by_name = *named[name];
            ++structs;
            for (size_t i = 0; i < shape->fields.size(); ++i) {
                const auto& field = shape->fields[i];
                INFO(std::string(field.name));
                void* const value = by_name.make();
                void* const set = field.make(value);
                model::MemberNames names;
                by_name.name_members(value, names);
                REQUIRE(names.found().size() == shape->fields.size());
                const auto& member = names.found()[i];
                CHECK(static_cast<const char*>(value) + field.offset == member.place);
                CHECK(field.optional == member.optional);
                CHECK(member.value == set);
                CHECK(field.find(value) == set);
                CHECK(difference(*field.shape, member, named) == "");
                // Nothing else is set by it.
                for (size_t other = 0; other < names.found().size(); ++other)
                    if (other != i && names.found()[other].optional) CHECK(names.found()[other].value == nullptr);
                by_name.destroy(value);
                ++members;
            }
        }
    }
    CHECK(services == std::set<std::string>{"accessanalyzer", "cloudtrail", "iam", "logs", "monitoring", "s3", "s3control",
                                            "sagemaker", "sts", "trainwarden"});
    CHECK(structs > 300);
    CHECK(members > 1000);
}

TEST_CASE("operations are sorted and belong to their service") {
    for (const auto* service : model::services()) {
        CHECK(std::ranges::is_sorted(service->operations, {}, [](const auto* operation) { return operation->name; }));
        for (const auto* operation : service->operations) CHECK(operation->service == service);
    }
}
