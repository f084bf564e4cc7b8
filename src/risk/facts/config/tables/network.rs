//! Formats of servers, filters, routers and names.

use super::states;

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
