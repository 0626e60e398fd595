// Prints the provider's tables as JSON: {"types": [{"tokens", "operations", "properties", "computed"}], "functions": [{"token", "arguments"}]}
// provider_types.py and tools/resource_types.py read it.
#include <array>
#include <iostream>

#include "provider/functions.hpp"
#include "provider/schema.hpp"

using provider::Rule;
using text::Json;

namespace {

Json list_of(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& text : texts) out.push(text);
    return out;
}

const char* name_of(provider::Shape shape) {
    static constexpr std::array<const char*, 9> names = {"text",  "flag",   "number",   "texts", "labels",
                                                         "block", "blocks", "document", "asset"};
    return names.at(static_cast<size_t>(shape));
}

Json properties_of(const std::vector<Rule>& rules) {
    Json out = Json::object();
    for (const Rule& rule : rules) {
        Json one = Json::object();
        one.set("shape", name_of(rule.shape));
        one.set("required", rule.required);
        one.set("replaces", rule.replaces);
        one.set("refused", rule.refused);
        one.set("members", properties_of(rule.members));
        out.set(rule.name, std::move(one));
    }
    return out;
}

}  // namespace

int main() {
    Json types = Json::array();
    for (const provider::ResourceType& type : provider::resource_types()) {
        Json one = Json::object();
        one.set("tokens", list_of(type.tokens));
        one.set("operations", list_of(type.operations));
        one.set("properties", properties_of(type.rules));
        one.set("computed", list_of(type.computed));
        types.push(std::move(one));
    }
    Json functions = Json::array();
    for (const provider::Function& function : provider::functions()) {
        Json arguments = Json::array();
        for (const std::string_view argument : function.arguments) arguments.push(argument);
        functions.push(Json::object({{"token", function.token}, {"arguments", std::move(arguments)}}));
    }
    std::cout << Json::object({{"types", std::move(types)}, {"functions", std::move(functions)}}).dump() << "\n";
    return 0;
}
