// A deployment as people see it while it runs: one line a step, what changes in it, the program's own words, a summary.
//
//   + aws:iam/role:Role sagemaker_role created (41 ms)
//   ~ aws:s3/bucketPolicy:BucketPolicy ml_data_bucket_policy updated (12 ms)
//       ~ policy.Statement[0].Action: "s3:*" => "s3:GetObject"
//
// A property that is a JSON document is compared as one. Secrets show as [secret]. On a terminal a last line says what runs now.
#pragma once

#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "cli/terminal.hpp"
#include "deploy/events.hpp"
#include "deploy/operation.hpp"
#include "text/json.hpp"

namespace cli {

// `+ path: new`, `- path: old`, `~ path: old => new`, one for each place where two values differ.
[[nodiscard]] std::vector<std::string> difference_lines(const text::Json& before, const text::Json& after);
// The inputs of two states of a resource, secrets masked, JSON documents opened. `only`: these top-level properties (empty: all).
[[nodiscard]] std::vector<std::string> input_changes(const deploy::ResourcePtr& before, const deploy::ResourcePtr& after,
                                                     const std::vector<std::string>& only);

class PlanDisplay final : public deploy::Events {
public:
    struct Options {
        bool json = false;  // nothing is printed; see report()
        bool preview = false;
        bool details = false;  // the inputs of what is created and deleted, too
    };
    explicit PlanDisplay(Options options);

    void step(const deploy::Step& step) override;
    void diagnostic(const deploy::Diagnostic& diagnostic) override;
    void program_line(const std::string& line, bool is_error) override;

    // Outputs, `+ 5 created, 2 unchanged`, how long it took.
    void summary(const deploy::Outcome& outcome, const provider::Property& old_outputs);
    // Everything as one JSON object.
    [[nodiscard]] text::Json report(const deploy::Outcome& outcome, bool show_secrets) const;
    [[nodiscard]] bool changes_anything() const;

private:
    void print(const Text& line) REQUIRES(mutex_);
    void redraw() REQUIRES(mutex_);
    void erase() REQUIRES(mutex_);  // the live line

    const Options options_;
    const bool live_;
    mutable base::Mutex mutex_;
    std::map<deploy::Op, int> counts_ GUARDED_BY(mutex_);
    std::vector<std::string> running_ GUARDED_BY(mutex_);
    size_t drawn_ GUARDED_BY(mutex_) = 0;  // whether the live line is on the screen
    std::vector<text::Json> steps_ GUARDED_BY(mutex_), diagnostics_ GUARDED_BY(mutex_);
};

}  // namespace cli
