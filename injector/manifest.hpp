// Where a Kubernetes object keeps its pods: the table of template paths, and the object's name for reports.
// Pure functions of a JSON tree; must not know what is done to the pods.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vcuda::injector {

// One pod or pod template inside an object.
struct PodPlace {
  std::string pointer;        // JSON pointer to the thing with metadata and spec; "" for a Pod itself
  std::string object;         // "Deployment web/frontend", for reports
  std::string pod_namespace;  // of the object, "" when it names none
};

// Whether the tree is a Kubernetes object: strings apiVersion and kind.
bool is_kubernetes_object(const boost::json::value& object);

// "KIND NAMESPACE/NAME", with what is there of it.
std::string title_of(const boost::json::value& object);

// All pods of an object, items of a List included. Kinds: Pod, PodTemplate, Deployment, ReplicaSet,
// StatefulSet, DaemonSet, ReplicationController, Job, CronJob, List, and the custom ones of the table in
// manifest.cpp. `more` are further pointers to templates ("*" stands for any member or item), tried on every
// object.
std::vector<PodPlace> pods_of(const boost::json::value& object, const std::vector<std::string>& more = {});

}  // namespace vcuda::injector
