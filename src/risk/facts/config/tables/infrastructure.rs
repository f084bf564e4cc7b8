//! Formats that build, deploy and run.

use super::states;

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
