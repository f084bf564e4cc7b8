//! Formats of settings, interfaces and manifests.

use super::states;

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_manifests_are_read() {
    states(
        "deploy.yaml",
        r#"# head
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  labels: {app: checkout, "tier": 'web'}
spec:
  replicas: 3  # three
  template:
    spec:
      containers:
        - name: web
          image: "shop/web:1.2"
          args: ["--timeout=30s", "--v"]
          livenessProbe:
            httpGet: {path: /health, port: 80}
            timeoutSeconds: 5
          resources:
            limits:
              memory: 1Gi
              cpu: 500m
          env:
            - name: RETRY_MAX
              value: "3"
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "x" . }}-svc
spec:
  {{- if .Values.lb }}
  type: LoadBalancer
  {{- end }}
  ports:
  - port: {{ .Values.port }}
    targetPort: 80
"#,
        r#"
block Deployment.checkout
setting Deployment.checkout.apiVersion = apps/v1
setting Deployment.checkout.kind = Deployment
block Deployment.checkout.metadata
setting Deployment.checkout.metadata.name = checkout
block Deployment.checkout.metadata.labels
setting Deployment.checkout.metadata.labels.app = checkout
setting Deployment.checkout.metadata.labels.tier = web
block Deployment.checkout.spec
setting Deployment.checkout.spec.replicas = 3
block Deployment.checkout.spec.template
block Deployment.checkout.spec.template.spec
block Deployment.checkout.spec.template.spec.containers[web]
setting Deployment.checkout.spec.template.spec.containers[web].name = web
setting Deployment.checkout.spec.template.spec.containers[web].image = shop/web:1.2
setting Deployment.checkout.spec.template.spec.containers[web].args[] = --timeout=30s
setting Deployment.checkout.spec.template.spec.containers[web].args.timeout = 30 s
setting Deployment.checkout.spec.template.spec.containers[web].args[] = --v
block Deployment.checkout.spec.template.spec.containers[web].livenessProbe
block Deployment.checkout.spec.template.spec.containers[web].livenessProbe.httpGet
setting Deployment.checkout.spec.template.spec.containers[web].livenessProbe.httpGet.path = /health
setting Deployment.checkout.spec.template.spec.containers[web].livenessProbe.httpGet.port = 80
setting Deployment.checkout.spec.template.spec.containers[web].livenessProbe.timeoutSeconds = 5 s
block Deployment.checkout.spec.template.spec.containers[web].resources
block Deployment.checkout.spec.template.spec.containers[web].resources.limits
setting Deployment.checkout.spec.template.spec.containers[web].resources.limits.memory = 1 GiB
setting Deployment.checkout.spec.template.spec.containers[web].resources.limits.cpu = 0.5
block Deployment.checkout.spec.template.spec.containers[web].env[RETRY_MAX]
setting Deployment.checkout.spec.template.spec.containers[web].env[RETRY_MAX].name = RETRY_MAX
setting Deployment.checkout.spec.template.spec.containers[web].env[RETRY_MAX].value = 3
block Service.{{ include "x" . }}-svc
setting Service.{{ include "x" . }}-svc.apiVersion = v1
setting Service.{{ include "x" . }}-svc.kind = Service
block Service.{{ include "x" . }}-svc.metadata
setting Service.{{ include "x" . }}-svc.metadata.name = {{ include "x" . }}-svc
block Service.{{ include "x" . }}-svc.spec
setting Service.{{ include "x" . }}-svc.spec.type = LoadBalancer
block Service.{{ include "x" . }}-svc.spec.ports[{{ .Values.port }}]
setting Service.{{ include "x" . }}-svc.spec.ports[{{ .Values.port }}].port = {{ .Values.port }}
setting Service.{{ include "x" . }}-svc.spec.ports[{{ .Values.port }}].targetPort = 80
"#,
    );
}

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_json_are_read() {
    states(
        "package.json",
        r#"{
  // note
  "name": "x",
  "scripts": {"test": "jest --ci", "build": "rm -rf dist && tsc"},
  "dependencies": {"a": "1"},
  "retry": {"max": null, "timeoutMs": 500, "hosts": []}
}
"#,
        r#"
command jest = jest --ci
command rm = rm -rf dist
command tsc = tsc
setting name = x
block scripts
setting scripts.test = jest --ci
setting scripts.build = rm -rf dist && tsc
block retry
setting retry.max = no limit
setting retry.timeoutMs = 500 ms
setting retry.hosts = []
"#,
    );
}

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_toml_are_read() {
    states(
        "Cargo.toml",
        r#"[package]
name = "x" # c
[dependencies]
a = "1"
[profile.release]
lto = "thin"
overflow-checks = false
[[bin]]
name = "a"
path = 'p'
[tool.x]
list = [
  "a",
  "b", ]
inline = { timeout_ms = 5, retry = { max = 3 } }
"#,
        r#"
block package
setting package.name = x
block profile.release
setting profile.release.lto = thin
setting profile.release.overflow-checks = false
block bin[a]
setting bin[a].name = a
setting bin[a].path = p
block tool.x
setting tool.x.list[] = a
setting tool.x.list[] = b
block tool.x.inline
setting tool.x.inline.timeout_ms = 5 ms
block tool.x.inline.retry
setting tool.x.inline.retry.max = 3
"#,
    );
}

#[test]
fn the_facts_of_graphql_are_read() {
    states(
        "api.graphql",
        r#""""doc"""
type Order implements Node {
  id: ID!  # x
  total(
    currency: String = "EUR"
  ): Int!
}
enum Status { NEW PAID }
union U = A | B
"#,
        r#"
definition Order = type Order implements Node
definition Order.id = id: ID!
definition Order.total = total(currency: String = "EUR"): Int!
definition Status = enum Status
definition Status.NEW = NEW
definition Status.PAID = PAID
definition U = union U = A | B
"#,
    );
}

#[test]
fn the_facts_of_properties_are_read() {
    states(
        "app.properties",
        r#"# c
spring.datasource.hikari.maximum-pool-size=10
server.timeout: 5s
"#,
        r#"
setting spring.datasource.hikari.maximum-pool-size = 10
setting server.timeout = 5 s
"#,
    );
}

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_openapi_are_read() {
    states(
        "openapi.yaml",
        r#"openapi: 3.0.0
paths:
  /orders/{id}:
    get:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        '200': {description: ok}
components:
  schemas:
    Order:
      type: object
      required: [id, total]
      properties:
        id: {type: string}
        status: {type: string, enum: [new, paid]}
"#,
        r#"
definition GET /orders/{id} = GET /orders/{id} 200
definition GET /orders/{id}.parameters[id] = id: string required=true
definition schemas.Order = object required=[id, total]
definition schemas.Order.id = string required=[]
definition schemas.Order.status = string required=[]
definition schemas.Order.status.enum[] = new
definition schemas.Order.status.enum[] = paid
setting openapi = 3.0.0
block paths./orders/{id}
block paths./orders/{id}.get
block paths./orders/{id}.get.parameters[id]
setting paths./orders/{id}.get.parameters[id].name = id
setting paths./orders/{id}.get.parameters[id].in = path
setting paths./orders/{id}.get.parameters[id].required = true
block paths./orders/{id}.get.parameters[id].schema
setting paths./orders/{id}.get.parameters[id].schema.type = string
block paths./orders/{id}.get.responses
block paths./orders/{id}.get.responses.200
setting paths./orders/{id}.get.responses.200.description = ok
block components
block components.schemas
block components.schemas.Order
setting components.schemas.Order.type = object
setting components.schemas.Order.required[] = id
setting components.schemas.Order.required[] = total
block components.schemas.Order.properties
block components.schemas.Order.properties.id
setting components.schemas.Order.properties.id.type = string
block components.schemas.Order.properties.status
setting components.schemas.Order.properties.status.type = string
setting components.schemas.Order.properties.status.enum[] = new
setting components.schemas.Order.properties.status.enum[] = paid
"#,
    );
}

#[test]
fn the_facts_of_words_are_read() {
    states(
        "redis.conf",
        r#"maxmemory 100mb
appendonly yes
"#,
        r#"
setting maxmemory = 100 MB
setting appendonly = true
"#,
    );
}

#[test]
fn the_facts_of_protobuf_are_read() {
    states(
        "shop.proto",
        r#"syntax = "proto3";
// pay
message Order {
  reserved 4;
  string id = 1; // x
  repeated Item items = 2 [deprecated = true];
  oneof kind { int32 a = 5; }
  enum Status { NEW = 0; PAID = 1; }
}
service Shop {
  rpc Pay(Order) returns (Receipt) {}
  rpc Get (Order)
     returns (Receipt);
}
"#,
        r#"
definition Order = message Order
definition Order.reserved = reserved 4
definition Order.id = string id = 1
definition Order.items = repeated Item items = 2 [deprecated = true]
definition Order.a = int32 a = 5
definition Order.Status = enum Status
definition Order.Status.NEW = NEW = 0
definition Order.Status.PAID = PAID = 1
definition Shop = service Shop
definition Shop.Pay = rpc Pay(Order) returns(Receipt)
definition Shop.Get = rpc Get(Order) returns(Receipt)
"#,
    );
}

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_xml_are_read() {
    states(
        "web.xml",
        r#"<?xml version="1.0"?>
<!-- c -->
<project xmlns="x">
  <build><plugins><plugin><artifactId>surefire</artifactId><configuration><skip>true</skip></configuration></plugin></plugins></build>
  <bean id="ds"><property name="timeoutMs" value="500"/><property name="max">9</property></bean>
  <filter/>
</project>
"#,
        r#"
block project
block project.build
block project.build.plugins
block project.build.plugins.plugin[surefire]
setting project.build.plugins.plugin[surefire].artifactId = surefire
block project.build.plugins.plugin[surefire].configuration
setting project.build.plugins.plugin[surefire].configuration.skip = true
block project.bean[ds]
setting project.bean[ds].id = ds
block project.bean[ds].property[timeoutMs]
setting project.bean[ds].property[timeoutMs].name = timeoutMs
setting project.bean[ds].property[timeoutMs].value = 500 ms
block project.bean[ds].property[max]
setting project.bean[ds].property[max].name = max
setting project.bean[ds].property[max].value = 9
setting project.filter = nothing
"#,
    );
}

#[test]
fn the_facts_of_ini_are_read() {
    states(
        "x.ini",
        r#"[db]
pool_size = 10 ; many
hosts =
   a
   b
[remote "origin"]
url=x
"#,
        r#"
block db
setting db.pool_size = 10
setting db.hosts = a b
block remote.origin
setting remote.origin.url = x
"#,
    );
}

#[test]
fn the_defaults_of_a_build_are_read() {
    states(
        "net/Kconfig",
        "config A\n\tbool \"a\"\n\tdefault y\n\thelp\n\t  default n\n\nconfig B\n\tbool \"b\"\n\nconfig C\n\tint \
         \"c\"\n",
        "setting default.A = true\nsetting default.B = false",
    );
    states(
        "CMakeLists.txt",
        "project(a)\noption(A \"what (it) does\"\n  ON) # x\noption(B \"b\")\n",
        "setting default.A = true\nsetting default.B = false",
    );
}

#[test]
fn what_bounds_tries_is_read_in_languages_without_a_grammar() {
    states(
        "a.ex",
        "# if attempt > 2\ndefp f(m, attempt) when attempt <= @max do\n  if x > 2, do: y\nend\n",
        "guard attempt <= @max = defp f(m, attempt) when attempt <= @max do",
    );
    states("a.scala", "val s = Schedule.recurs(5)\n", "call Schedule.recurs = val s = Schedule.recurs(5)");
}
