// The claim on things in the world that one step works on. For the engine's own files.
#pragma once

#include "deploy/engine.hpp"

namespace deploy {

class Engine::Claim {
public:
    Claim(Engine& engine, std::vector<std::string> things);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

private:
    Engine* engine_;
    std::vector<std::string> things_;
};

}  // namespace deploy
