// For the generated tests of the tables (`model/SERVICE/members_test.cpp`): every member of every struct, by its name.
//
// The tables of shape.hpp say by an offset and a function where a member lies and what it is. Generated code that names the
// members says it again, by the compiler; shape_test.cpp compares the two.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "model/shape.hpp"

namespace model {

struct MemberName {
    const void* place = nullptr;
    size_t size = 0;
    const void* value = nullptr;               // of an optional: what it holds, if it holds anything; else the member itself
    const OptionalAccess* optional = nullptr;  // of an optional: the access that its type needs
    const std::type_info* type = nullptr;      // without the optional
    bool is_enumeration = false;
    const void* access = nullptr;  // of a list or map: the access that its type needs
};

template <class T>
inline constexpr const void* access_of = nullptr;
template <class T>
inline constexpr const void* access_of<std::vector<T>> = &list_access<std::vector<T>>;
template <class T>
inline constexpr const void* access_of<Map<T>> = &map_access<Map<T>>;

class MemberNames {
public:
    template <class T>
    void add(const T& member) {
        found_.push_back({&member, sizeof member, &member, nullptr, &typeid(T), std::is_enum_v<T>, access_of<T>});
    }
    template <class T>
    void add(const std::optional<T>& member) {
        found_.push_back({&member, sizeof member, member ? &*member : nullptr, &optional_access<std::optional<T>>, &typeid(T),
                          std::is_enum_v<T>, access_of<T>});
    }
    [[nodiscard]] const std::vector<MemberName>& found() const { return found_; }

private:
    std::vector<MemberName> found_;
};

struct StructByName {
    std::string_view name;
    const std::type_info* type;
    void* (*make)();
    void (*destroy)(void*);
    void (*name_members)(const void*, MemberNames&);
};

// `name_members(const T&, MemberNames&)` is the generated function.
template <class T>
StructByName struct_by_name(std::string_view name) {
    return {name, &typeid(T), [] -> void* { return new T{}; }, [](void* value) { delete static_cast<T*>(value); },
            [](const void* value, MemberNames& names) { name_members(*static_cast<const T*>(value), names); }};
}

// What a service's generated file says; collected at start.
struct StructsOfService {
    StructsOfService(std::string service, std::vector<StructByName> listed) {
        every().emplace_back(std::move(service), std::move(listed));
    }
    static std::vector<std::pair<std::string, std::vector<StructByName>>>& every() {
        static std::vector<std::pair<std::string, std::vector<StructByName>>> all;
        return all;
    }
};

}  // namespace model
