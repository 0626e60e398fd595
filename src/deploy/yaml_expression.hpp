// The expressions of Pulumi YAML: `${name.member[0]}` inside strings, and `fn::` functions.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "deploy/yaml.hpp"
#include "provider/property.hpp"

namespace deploy {

struct Expressions {
    std::function<base::Error(int line, const std::string& message)> error_at;
    // The value of a name. A resource is a reference whose `id` is the object of its outputs, `id` and `urn`.
    std::function<base::Result<provider::Property>(const std::string& name, int line)> lookup;
    // A provider's function: `call` holds `arguments` (fn::invoke) or is the arguments itself.
    std::function<base::Result<provider::Property>(const Yaml& call, std::string token)> invoke;
    std::string folder;    // of relative paths
    bool preview = false;  // an output that is missing is not known yet; otherwise it is a mistake

    [[nodiscard]] base::Result<provider::Property> evaluate(const Yaml& value) const;
    // Every name that the value uses, with its line.
    [[nodiscard]] base::Result<void> names_used(const Yaml& value, std::vector<std::pair<std::string, int>>& names) const;

private:
    struct Access {
        std::string name;
        std::vector<provider::Property> path;  // member names and indices
    };
    [[nodiscard]] base::Result<Access> parse_access(std::string_view text, int line) const;
    // Calls `literal` and `access` for the parts of a string, in order.
    [[nodiscard]] base::Result<void> parse_text(const Yaml& value, const std::function<void(std::string)>& literal,
                                                const std::function<base::Result<void>(const Access&)>& access) const;
    [[nodiscard]] base::Result<provider::Property> resolve(const Access& access, int line) const;
    [[nodiscard]] base::Result<provider::Property> interpolate(const Yaml& value) const;
    [[nodiscard]] base::Result<provider::Property> call(const std::string& function, const Yaml& argument) const;
    [[nodiscard]] base::Result<provider::Property> call_known(const std::string& function, const provider::Property& argument,
                                                              int line) const;
};

}  // namespace deploy
