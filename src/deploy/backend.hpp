// Where stacks are kept: a folder in Pulumi's self-managed layout.
//
//   .pulumi/meta.yaml                                  version: 1
//   .pulumi/stacks/PROJECT/STACK.json                  the checkpoint, and STACK.json.bak, the one before the last operation
//   .pulumi/history/PROJECT/STACK/STACK-NANOSECONDS.{history,checkpoint}.json
//   .pulumi/locks/organization/PROJECT/STACK/*.json    who works on the stack
//
// A lock is a file that Pulumi sees as one of its own, and on which we hold flock(2): the kernel lets go of it when its owner
// dies, so nothing needs a manual cancel. A lock of Pulumi's is honoured as long as its process lives on this host (on another
// host: always).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "text/json.hpp"

namespace deploy {

class StackLock {
public:
    ~StackLock();
    StackLock(const StackLock&) = delete;
    StackLock& operator=(const StackLock&) = delete;

private:
    friend class Backend;
    StackLock(std::filesystem::path path, os::Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
    std::filesystem::path path_;
    os::Descriptor file_;
};

class Backend {
public:
    // PULUMI_BACKEND_URL if set, else `project_url` (backend.url), else `project_root`: file://PATH, file://~ or a path. Others:
    // `NotSupported`.
    [[nodiscard]] static base::Result<Backend> open(const std::string& project_url, const std::filesystem::path& project_root);

    [[nodiscard]] std::vector<std::string> stacks(const std::string& project) const;
    [[nodiscard]] bool has(const std::string& project, const std::string& stack) const;
    // The `latest` deployment of the checkpoint; null for a stack without one. Error `NoSuchStack`.
    [[nodiscard]] base::Result<text::Json> load(const std::string& project, const std::string& stack) const;
    [[nodiscard]] base::Result<void> save(const std::string& project, const std::string& stack,
                                          const text::Json& deployment) const;
    // Keeps the present checkpoint as `.bak`.
    [[nodiscard]] base::Result<void> back_up(const std::string& project, const std::string& stack) const;
    // The record of one finished operation, beside a copy of the checkpoint.
    [[nodiscard]] base::Result<void> add_history(const std::string& project, const std::string& stack, const text::Json& entry,
                                                 base::Time now) const;
    [[nodiscard]] base::Result<void> remove(const std::string& project, const std::string& stack) const;
    // Error `StackLocked` names who holds it.
    [[nodiscard]] base::Result<std::unique_ptr<StackLock>> lock(const std::string& project, const std::string& stack,
                                                                base::Time now) const;

    [[nodiscard]] std::filesystem::path checkpoint_path(const std::string& project, const std::string& stack) const;

private:
    explicit Backend(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::filesystem::path folder_;  // the .pulumi folder
};

}  // namespace deploy
