// Values as Python writes them: SageMaker's toolkit, which scripts are written for, is a Python program, and its environment
// variables and arguments are what its str(), repr() and json.dumps() make of the hyperparameters.
//
// Source: sagemaker-training-toolkit, mapping.py (to_env_vars, to_cmd_args). Pure.
#pragma once

#include <string>
#include <string_view>

#include "text/json.hpp"

namespace training {

// str(): a string as it is; None, True, 0.001; lists and dictionaries by repr() of what is in them.
[[nodiscard]] std::string python_str(const text::Json& value);
[[nodiscard]] std::string python_repr(const text::Json& value);

// json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
[[nodiscard]] std::string python_json(const text::Json& value);

// str.upper(), but for ligatures and other letters whose capitals are several (ß, which is SS, is known).
[[nodiscard]] std::string python_upper(std::string_view name);

// An argument's value: as str(), but None is empty and a dictionary is `key=value,key=value`, sorted.
[[nodiscard]] std::string python_argument(const text::Json& value);
// An environment variable's: a string as it is, None empty, everything else as JSON.
[[nodiscard]] std::string python_variable(const text::Json& value);

}  // namespace training
