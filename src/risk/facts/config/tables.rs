//! Each format: a text, and what it states.

use super::tests::states;

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
fn the_facts_of_a_workflow_are_read() {
    states(
        "ci.yml",
        r#"on: [push, pull_request]
permissions: read-all
jobs:
  test:
    runs-on: ubuntu-latest
    if: ${{ github.event_name == 'push' }}
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - name: Test
        run: |
          npm ci
          npm test -- --coverage || true
          curl -sSf https://x.sh \
            | sudo bash -s -- -y
          if [ -n "$X" ]; then terraform -chdir=prod destroy -auto-approve; fi
"#,
        r#"
setting on[] = push
setting on[] = pull_request
setting permissions = read-all
block jobs.test
setting jobs.test.runs-on = ubuntu-latest
setting jobs.test.if = ${{ github.event_name == 'push' }}
block jobs.test.steps[actions/checkout]
setting jobs.test.steps[actions/checkout].uses = actions/checkout@v4
block jobs.test.steps[actions/checkout].with
setting jobs.test.steps[actions/checkout].with.persist-credentials = false
block jobs.test.steps[Test]
command npm ci = npm ci
command npm test = npm test -- --coverage
command || true = npm test -- --coverage || true
command curl = curl -sSf https://x.sh
command curl | sh = curl -sSf https://x.sh | sudo bash -s -- -y
command bash = sudo bash -s -- -y
command terraform destroy = then terraform -chdir=prod destroy -auto-approve
setting jobs.test.steps[Test].name = Test
setting jobs.test.steps[Test].run = npm ci npm test -- --coverage || true curl -sSf https://x.sh \ | sudo bash -s -- -y if [ -n "$X" ]; then terraform -chdir=prod destroy -auto-approve; fi
"#,
    );
}

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_terraform_are_read() {
    states(
        "main.tf",
        r#"resource "aws_db_instance" "main" {
  allocated_storage = 20   # GB
  backup_retention_period = var.days
  multi_az = var.env=="prod" ? true : false
  tags = merge(local.tags, { Name = "x", })
  lifecycle {
    prevent_destroy = true
    ignore_changes = [
      password, # why
      tags["a"],
    ]
  }
}
resource "aws_security_group" "web" {
  ingress {
    from_port = 443
    to_port = 443
    protocol = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
  ingress {
    from_port = 22
    to_port = 22
    cidr_blocks = [
      "0.0.0.0/0"
    ]
  }
  egress {
    from_port = 0
    to_port = 0
    protocol = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
variable "timeout" {
  default = 0
}
data "aws_iam_policy_document" "p" {
  statement {
    sid = "Read"
    effect = "Deny"
    actions = ["s3:Put*", "s3:Get*"]
    resources = ["*"]
    principals {
      type = "AWS"
      identifiers = ["*"]
    }
    condition {
      test = "Bool"
      variable = "aws:SecureTransport"
      values = ["false"]
    }
  }
}
resource "aws_iam_policy" "x" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}
resource "aws_iam_role" "y" {
  assume_role_policy = <<EOF
{
  "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
  ]
}
EOF
  provisioner "local-exec" {
    command = "terraform destroy -auto-approve"
  }
}
"#,
        r#"
block resource.aws_db_instance.main
setting resource.aws_db_instance.main.allocated_storage = 20
setting resource.aws_db_instance.main.backup_retention_period = var.days
setting resource.aws_db_instance.main.multi_az = var.env == "prod" ? true : false
setting resource.aws_db_instance.main.tags = merge(local.tags, {Name = "x"})
block resource.aws_db_instance.main.lifecycle
setting resource.aws_db_instance.main.lifecycle.prevent_destroy = true
setting resource.aws_db_instance.main.lifecycle.ignore_changes[] = password
setting resource.aws_db_instance.main.lifecycle.ignore_changes[] = tags["a"]
block resource.aws_security_group.web
block ingress
block ingress
block egress
block resource.aws_security_group.web.ingress[443]
setting resource.aws_security_group.web.ingress[443].from_port = 443
setting resource.aws_security_group.web.ingress[443].to_port = 443
setting resource.aws_security_group.web.ingress[443].protocol = tcp
setting resource.aws_security_group.web.ingress[443].cidr_blocks[] = 10.0.0.0/8
block resource.aws_security_group.web.ingress[22]
setting resource.aws_security_group.web.ingress[22].from_port = 22
setting resource.aws_security_group.web.ingress[22].to_port = 22
setting resource.aws_security_group.web.ingress[22].cidr_blocks[] = 0.0.0.0/0
block resource.aws_security_group.web.egress[0]
setting resource.aws_security_group.web.egress[0].from_port = 0
setting resource.aws_security_group.web.egress[0].to_port = 0
setting resource.aws_security_group.web.egress[0].protocol = -1
setting resource.aws_security_group.web.egress[0].cidr_blocks[] = 0.0.0.0/0
block variable.timeout
setting variable.timeout.default = 0
block data.aws_iam_policy_document.p
block statement[Deny].Read
block data.aws_iam_policy_document.p.statement[Read]
setting data.aws_iam_policy_document.p.statement[Read].sid = Read
setting data.aws_iam_policy_document.p.statement[Read].effect = Deny
setting data.aws_iam_policy_document.p.statement[Read].actions[] = s3:Put*
setting data.aws_iam_policy_document.p.statement[Read].actions[] = s3:Get*
setting data.aws_iam_policy_document.p.statement[Read].resources[] = *
block data.aws_iam_policy_document.p.statement[Read].principals
setting data.aws_iam_policy_document.p.statement[Read].principals.type = AWS
setting data.aws_iam_policy_document.p.statement[Read].principals.identifiers[] = *
block data.aws_iam_policy_document.p.statement[Read].condition
setting data.aws_iam_policy_document.p.statement[Read].condition.test = Bool
setting data.aws_iam_policy_document.p.statement[Read].condition.variable = aws:SecureTransport
setting data.aws_iam_policy_document.p.statement[Read].condition.values[] = false
block resource.aws_iam_policy.x
block resource.aws_iam_policy.x.policy
block statement[Allow].0
setting resource.aws_iam_policy.x.policy.Version = 2012-10-17
block resource.aws_iam_policy.x.policy.Statement[0]
setting resource.aws_iam_policy.x.policy.Statement[0].Effect = Allow
setting resource.aws_iam_policy.x.policy.Statement[0].Action = *
setting resource.aws_iam_policy.x.policy.Statement[0].Resource = *
block resource.aws_iam_role.y
block resource.aws_iam_role.y.assume_role_policy
block statement[Allow].0
block resource.aws_iam_role.y.assume_role_policy.Statement[0]
setting resource.aws_iam_role.y.assume_role_policy.Statement[0].Effect = Allow
block resource.aws_iam_role.y.assume_role_policy.Statement[0].Principal
setting resource.aws_iam_role.y.assume_role_policy.Statement[0].Principal.Service = ec2.amazonaws.com
setting resource.aws_iam_role.y.assume_role_policy.Statement[0].Action = sts:AssumeRole
block resource.aws_iam_role.y.provisioner.local-exec
command terraform destroy = terraform destroy -auto-approve
setting resource.aws_iam_role.y.provisioner.local-exec.command = terraform destroy -auto-approve
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
fn the_facts_of_a_template_of_cloudformation_are_read() {
    states(
        "cfn.yml",
        r#"Resources:
  Db:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Retain
    Properties:
      Password: !Ref Pw
      Name: !Sub "${x}-y"
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: a
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: 
                  - "*"
                Resource: !GetAtt X.Arn
"#,
        r#"
block Resources.Db
setting Resources.Db.Type = AWS::RDS::DBInstance
setting Resources.Db.DeletionPolicy = Retain
block Resources.Db.Properties
setting Resources.Db.Properties.Password = !Ref Pw
setting Resources.Db.Properties.Name = !Sub ${x}-y
block Resources.Role
setting Resources.Role.Type = AWS::IAM::Role
block Resources.Role.Properties
block Resources.Role.Properties.Policies[0]
setting Resources.Role.Properties.Policies[0].PolicyName = a
block Resources.Role.Properties.Policies[0].PolicyDocument
block statement[Allow].0
block Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0]
setting Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0].Effect = Allow
setting Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0].Action[] = *
setting Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0].Resource = !GetAtt X.Arn
"#,
    );
}

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_a_pipeline_of_gitlab_are_read() {
    states(
        ".gitlab-ci.yml",
        r#"stages: [test]
test:
  stage: test
  allow_failure: true
  script:
    - npm test
    - |
      make x
      make y
"#,
        r#"
setting stages[] = test
block jobs.test
command npm test = npm test
command make x = make x
command make y = make y
setting jobs.test.stage = test
setting jobs.test.allow_failure = true
setting jobs.test.script[] = npm test
setting jobs.test.script[] = make x make y
"#,
    );
}

#[test]
fn the_facts_of_caddy_are_read() {
    states(
        "Caddyfile",
        r#"example.com {
	reverse_proxy localhost:80
	header {
		X-Frame-Options DENY
	}
}
"#,
        r#"
block example.com
setting example.com.reverse_proxy = localhost:80
block example.com.header
setting example.com.header.X-Frame-Options = DENY
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
fn the_facts_of_a_dockerfile_are_read() {
    states(
        "Dockerfile",
        r#"# syntax
ARG V=1
FROM golang:1.22 AS build
ENV A=1 B="x y"
RUN --mount=type=cache,target=/x apt-get update \
    # why
    && curl -sSf https://x | sh
RUN <<EOF
terraform destroy
EOF
FROM scratch
USER root
EXPOSE 80
HEALTHCHECK --interval=30s CMD curl -f x
CMD ["./app", "serve"]
"#,
        r#"
setting arg.V = 1
block stage[build]
setting stage[build].from = golang:1.22
setting stage[build].env.A = 1
setting stage[build].env.B = x y
command apt-get update = apt-get update
command curl = curl -sSf https://x
command curl | sh = curl -sSf https://x | sh
command sh = sh
command terraform destroy = terraform destroy
block stage[1]
setting stage[1].from = scratch
setting stage[1].user = root
setting stage[1].expose[] = 80
setting stage[1].healthcheck.interval = 30 s
setting stage[1].healthcheck = --interval=30s CMD curl -f x
setting stage[1].cmd = ["./app", "serve"]
command app serve = ./app serve
"#,
    );
}

#[test]
fn the_facts_of_a_makefile_are_read() {
    states(
        "Makefile",
        r#"TAG ?= latest
test: build
	-rm -rf /data
	@go test ./... || true
"#,
        r#"
setting TAG = latest
setting test.needs[build] = build
command || true = rm -rf /data || true
command rm = rm -rf /data
command go test = go test ./...
command || true = go test ./... || true
"#,
    );
}

#[test]
fn the_facts_of_apache_are_read() {
    states(
        "apache.conf",
        r#"Timeout 60
<Directory "/var/www">
  Require all denied
  Options -Indexes
</Directory>
"#,
        r#"
setting Timeout = 60
block Directory /var/www
setting Directory /var/www.Require = all denied
setting Directory /var/www.Options = -Indexes
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

#[test]
fn the_facts_of_a_unit_are_read() {
    states(
        "app.service",
        r#"[Unit]
Description=x
[Service]
ExecStart=-/usr/bin/app --serve
MemoryMax=1G
Restart=always
"#,
        r#"
block Unit
setting Unit.Description = x
block Service
command app = /usr/bin/app --serve
setting Service.ExecStart = -/usr/bin/app --serve
setting Service.MemoryMax = 1 GB
setting Service.Restart = always
"#,
    );
}

#[test]
fn the_facts_of_a_crontab_are_read() {
    states(
        "crontab",
        r#"# x
MAILTO=a@b
*/5 * * * * /usr/bin/backup --full && rm -rf /tmp/x
@daily terraform apply -auto-approve
"#,
        r#"
setting MAILTO = a@b
setting cron[/usr/bin/backup --full && rm -rf /tmp/x].schedule = */5 * * * *
command backup = /usr/bin/backup --full
command rm = rm -rf /tmp/x
setting cron[terraform apply -auto-approve].schedule = @daily
command terraform apply = terraform apply -auto-approve
"#,
    );
}

#[test]
fn the_facts_of_junos_are_read() {
    states(
        "edge.conf",
        r#"policy-options {
    policy-statement BGP-OUT {
        inactive: term SITE {
            from {
                prefix-list [ A B ];
            }
            then reject;
        }
        /* why */
        term LAST { then accept; }
    }
}
inactive: snmp location x;
"#,
        r#"
filter policy-options.policy-statement.BGP-OUT.accept = everything
block policy-options
block policy-options.policy-statement.BGP-OUT
block policy-options.policy-statement.BGP-OUT.term.SITE
block policy-options.policy-statement.BGP-OUT.term.SITE.from
setting policy-options.policy-statement.BGP-OUT.term.SITE.from.prefix-list[] = A
setting policy-options.policy-statement.BGP-OUT.term.SITE.from.prefix-list[] = B
setting policy-options.policy-statement.BGP-OUT.term.SITE.then = reject
setting policy-options.policy-statement.BGP-OUT.term.SITE.inactive = true
block policy-options.policy-statement.BGP-OUT.term.LAST
setting policy-options.policy-statement.BGP-OUT.term.LAST.then = accept
setting snmp.location = x
setting snmp.location.inactive = true
"#,
    );
}

#[test]
fn the_facts_of_a_zone_are_read() {
    states(
        "example.zone",
        r#"$TTL 300
$ORIGIN example.com.
@ IN SOA ns1 admin (
   2024 ; serial
   3600 600 86400 300 )
  IN NS ns1
www 3600 IN A 10.0.0.1
   IN AAAA ::1
txt TXT "a ; b"
"#,
        r#"
setting $TTL = 300
setting $ORIGIN = example.com.
block SOA @
setting SOA @.primary = ns1
setting SOA @.contact = admin
setting SOA @.serial = 2024
setting SOA @.refresh = 3600
setting SOA @.retry = 600
setting SOA @.expire = 86400
setting SOA @.minimum = 300
block NS @
setting NS @.value = ns1
block A www
setting A www.ttl = 1 h
setting A www.value = 10.0.0.1
block AAAA www
setting AAAA www.value = ::1
block TXT txt
setting TXT txt.value = "a ; b"
"#,
    );
}

#[test]
fn the_facts_of_haproxy_are_read() {
    states(
        "haproxy.cfg",
        r#"global
    maxconn 4096
defaults
    timeout connect 5s
backend web
    option httpchk GET /health
    server a 10.0.0.1:80 check maxconn 100
"#,
        r#"
block global
setting global.maxconn = 4096
block defaults
setting defaults.timeout.connect = 5 s
block backend.web
setting backend.web.option.httpchk = GET /health
setting backend.web.server.a = 10.0.0.1:80 check maxconn 100
setting backend.web.server.a.check = true
setting backend.web.server.a.maxconn = 100
"#,
    );
}

#[test]
fn the_facts_of_nginx_are_read() {
    states(
        "nginx.conf",
        r#"# top
worker_processes auto;
http {
    limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;
    server {
        server_name example.com; # here
        add_header Strict-Transport-Security "max-age=300; includeSubDomains";
        location /login {
            limit_req zone=one burst=5 nodelay;
            proxy_pass http://${backend}:80;
            proxy_read_timeout 60s;
        }
        location ~ \.php$ { deny all; }
    }
}
"#,
        r#"
setting worker_processes = auto
block http
setting http.limit_req_zone = $binary_remote_addr zone=one:10m rate=10r/s
setting http.limit_req_zone.zone = one:10m
setting http.limit_req_zone.rate = 10
block http.server[example.com]
setting http.server[example.com].server_name = example.com
setting http.server[example.com].add_header.Strict-Transport-Security = max-age=300; includeSubDomains
block http.server[example.com].location /login
setting http.server[example.com].location /login.limit_req = zone=one burst=5 nodelay
setting http.server[example.com].location /login.limit_req.zone = one
setting http.server[example.com].location /login.limit_req.burst = 5
setting http.server[example.com].location /login.proxy_pass = http://${backend}:80
setting http.server[example.com].location /login.proxy_read_timeout = 1 min
block http.server[example.com].location ~ \.php$
setting http.server[example.com].location ~ \.php$.deny = all
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
fn the_facts_of_a_router_are_read() {
    states(
        "r1.cfg",
        r#"hostname r1
!
interface Gi0/1
 ip address 10.0.0.1 255.255.255.0
 no shutdown
!
ip access-list extended WEB
 10 permit tcp any any eq 443
 20 deny ip any any
router bgp 65000
 neighbor 10.0.0.2 maximum-prefix 100
 address-family ipv4
  neighbor 10.0.0.2 activate
end
"#,
        r#"
filter acl.WEB.accept = port 443, proto tcp
setting hostname = r1
block interface.Gi0/1
setting interface.Gi0/1.ip.address.10.0.0.1 = 255.255.255.0
setting interface.Gi0/1.shutdown = false
block ip.access-list.extended.WEB
setting ip.access-list.extended.WEB.permit.tcp.any.any.eq = 443
setting ip.access-list.extended.WEB.deny.ip.any = any
block router.bgp.65000
block router.bgp.65000.neighbor.10.0.0.2
setting router.bgp.65000.neighbor.10.0.0.2.maximum-prefix = 100
block router.bgp.65000.address-family.ipv4
block router.bgp.65000.address-family.ipv4.neighbor.10.0.0.2
setting router.bgp.65000.address-family.ipv4.neighbor.10.0.0.2.activate = true
setting end = true
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
fn the_facts_of_set_commands_are_read() {
    states(
        "set.conf",
        r#"set policy-options policy-statement BGP-OUT term SITE then reject
deactivate policy-options policy-statement BGP-OUT term SITE
set system host-name x
"#,
        r#"
setting policy-options.policy-statement.BGP-OUT.term.SITE.then = reject
setting policy-options.policy-statement.BGP-OUT.term.SITE.inactive = true
setting system.host-name = x
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

#[cfg(feature = "syntax")]
#[test]
fn the_facts_of_octodns_are_read() {
    states(
        "zone.yaml",
        r#"'':
  - type: MX
    ttl: 300
    values:
      - {exchange: mx1., preference: 10}
  - {type: NS, values: [a., b.]}
www: {ttl: 86400, type: A, value: 1.2.3.4}
"#,
        r#"
block MX @
setting MX @.ttl = 5 min
setting MX @.value = exchange: mx1., preference: 10
block NS @
setting NS @.value = a.
setting NS @.value = b.
block A www
setting A www.ttl = 1 d
setting A www.value = 1.2.3.4
"#,
    );
}

#[test]
fn the_facts_of_packet_filters_are_read() {
    states(
        "rules.v4",
        r#"*filter
:INPUT DROP [0:0]
# ssh
-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 22,2222 -m comment --comment "a b" -j ACCEPT
-A INPUT -j LOG --log-prefix "drop: "
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
"#,
        r#"
filter INPUT.policy = refuse
filter INPUT.accept = port 22, proto tcp, src 10.0.0.0/8
filter INPUT.accept = port 2222, proto tcp, src 10.0.0.0/8
"#,
    );
    states(
        "fw.nft",
        r#"table inet filter {
  set admin {
    type ipv4_addr
    elements = { 192.0.2.10,
                 192.0.2.11 }
  }
  chain input {
    type filter hook input priority 0; policy drop;
    ip saddr @admin tcp dport { 22, 2222 } counter accept comment "x"
  }
}
"#,
        r#"
setting set.admin.elements[] = 192.0.2.10
setting set.admin.elements[] = 192.0.2.11
filter input.policy = refuse
filter input.accept = src @admin, tcp dport 22
filter input.accept = src @admin, tcp dport 2222
"#,
    );
    states(
        "pf.conf",
        r#"block in log all # default
pass in on em0 proto tcp from <admins> to any port { 22 80 }
"#,
        r#"
filter pf.refuse = dir in
filter pf.accept = dir in, on em0, port 22, proto tcp, src <admins>
filter pf.accept = dir in, on em0, port 80, proto tcp, src <admins>
"#,
    );
}

#[test]
fn the_facts_of_bicep_are_read() {
    states(
        "a.bicep",
        "@description('x')\nparam names array = [\n  'a' // first\n  'b'\n]\n\nresource z 'M.N/zones/MX@2018' = {\n  \
         name: '@'\n  properties: {\n    TTL: 3600\n    list: [ { host: 'mx' } ]\n    id: zone.id\n  }\n}\n\nresource d \
         'M.S/db@1' = [for (n, i) in names: {\n  name: 'db${i}'\n}]\n",
        "
setting param.names[] = a
setting param.names[] = b
block resource.M.N/zones/MX.z
setting resource.M.N/zones/MX.z.name = @
block resource.M.N/zones/MX.z.properties
setting resource.M.N/zones/MX.z.properties.TTL = 3600
block resource.M.N/zones/MX.z.properties.list[mx]
setting resource.M.N/zones/MX.z.properties.list[mx].host = mx
setting resource.M.N/zones/MX.z.properties.id = ${zone.id}
block resource.M.S/db.d
setting resource.M.S/db.d.name = db${i}
setting resource.M.S/db.d.for = for (n, i) in names
",
    );
}

#[test]
fn the_facts_of_tinydns_are_read() {
    states(
        "tinydns/data",
        "# zone\n.example.org:192.0.2.1:ns1.example.org:86400\n@example.org::mx.example.org:10:3600\n-old.example.org:x\n\
         'example.org:v=spf1 -all:60\n",
        "
block NS example.org
setting NS example.org.ttl = 1 d
setting NS example.org.value = 192.0.2.1 ns1.example.org
block MX example.org
setting MX example.org.ttl = 1 h
setting MX example.org.value = mx.example.org 10
block TXT example.org
setting TXT example.org.ttl = 1 min
setting TXT example.org.value = v=spf1 -all
",
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
