// vcuda-certs: the command line over libcerts. Results go to stdout, the report and errors to stderr.
// Exit codes: 0 done, 1 error, 2 usage.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "certs/issue.hpp"
#include "certs/names.hpp"
#include "certs/store.hpp"

namespace {

using namespace vcuda::certs;

enum ExitCode { exit_done = 0, exit_error = 1, exit_usage = 2 };

struct IssueOptions {
  std::string out;
  std::string service = "vcuda-webhook";
  std::string name_space = "vcuda";
  std::vector<std::string> dns;
  std::vector<std::string> addresses;
  int days = static_cast<int>(default_leaf_lifetime.count());
  int ca_days = static_cast<int>(default_ca_lifetime.count());
  bool force = false;
};

int fail(const Failure& failure) {
  std::fprintf(stderr, "vcuda-certs: %s\n", failure.text.c_str());
  const bool usage = failure.code == Errc::bad_name || failure.code == Errc::bad_validity;
  return usage ? exit_usage : exit_error;
}

std::string date(Clock::time_point when) {
  const std::time_t seconds = Clock::to_time_t(when);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void report(const IssueOptions& options, const IssueRequest& request, const Issued& issued) {
  std::fprintf(stderr, "wrote ca.crt ca.key tls.crt tls.key to %s\n", options.out.c_str());
  std::fprintf(stderr, "valid until %s for:\n", date(issued.not_after).c_str());
  for (const std::string& name : request.names.dns) std::fprintf(stderr, "  DNS %s\n", name.c_str());
  for (const std::string& name : request.names.addresses) std::fprintf(stderr, "  IP  %s\n", name.c_str());
  std::fprintf(stderr, "the caBundle for the webhook configuration is on stdout\n");
}

int run_issue(const IssueOptions& options) {
  auto names = service_names(options.service, options.name_space);
  if (!names) return fail(names.error());
  names = with_extra(*std::move(names), options.dns, options.addresses);
  if (!names) return fail(names.error());

  const IssueRequest request{*std::move(names), Days{options.ca_days}, Days{options.days}};
  const auto issued = issue(request, Clock::now());
  if (!issued) return fail(issued.error());
  if (const auto stored = store(*issued, options.out, options.force ? Existing::replace : Existing::keep);
      !stored)
    return fail(stored.error());

  report(options, request, *issued);
  if (std::printf("%s\n", ca_bundle(issued->ca_certificate).c_str()) < 0 || std::fflush(stdout) != 0) {
    std::fprintf(stderr, "vcuda-certs: could not write the caBundle to stdout\n");
    return exit_error;
  }
  return exit_done;
}

void describe_issue(CLI::App& command, IssueOptions& options) {
  command.add_option("--out", options.out, "folder for ca.crt, ca.key, tls.crt and tls.key; made if missing")
      ->required();
  command.add_option("--service", options.service, "the webhook's Service")->capture_default_str();
  command.add_option("--namespace", options.name_space, "its namespace")->capture_default_str();
  command.add_option("--dns", options.dns, "a further DNS name; may be repeated")->allow_extra_args(false);
  command.add_option("--ip", options.addresses, "an IP address; may be repeated")->allow_extra_args(false);
  command.add_option("--days", options.days, "life of the serving certificate")->capture_default_str();
  command.add_option("--ca-days", options.ca_days, "life of the CA")->capture_default_str();
  command.add_flag("--force", options.force, "replace files that exist");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Makes the webhook's certificate authority and serving certificate.\n"
      "Exit codes: 0 done, 1 error, 2 usage."};
  app.set_version_flag("--version", "vcuda-certs " VCUDA_VERSION);
  app.require_subcommand(1);
  IssueOptions options;
  CLI::App* issue_command = app.add_subcommand(
      "issue", "make a CA and a serving certificate (ECDSA P-256); prints the caBundle, base64, on stdout");
  describe_issue(*issue_command, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_done : exit_usage;
  }
  return run_issue(options);
}
