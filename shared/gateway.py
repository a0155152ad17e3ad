"""The gateway's configuration, made from the route table: what one process answers on one port, nginx answers here."""

from collections.abc import Mapping

PORT = 8080
RESOLVER = "127.0.0.11"  # the container engine's own; it names every process of a service


def configuration(routes: Mapping[str, str]) -> str:
    """For /etc/nginx/conf.d. Names are looked up again every two seconds, so that processes may come and go."""
    return TEMPLATE.replace("@ROUTES@", _map(routes)).replace("@RESOLVER@", RESOLVER).replace("@PORT@", str(PORT))


def _map(routes: Mapping[str, str]) -> str:
    """nginx takes the first pattern that fits; as in `shared.host.owner`, the longest prefix that ends at a slash."""
    prefixes = sorted((prefix for prefix in routes if prefix != "/"), key=len, reverse=True)
    lines = [f"    ~^{prefix}(?:/|$) {routes[prefix]};" for prefix in prefixes]
    return "\n".join([f"    default {routes['/']};", *lines])


TEMPLATE = """\
# Made by `python -m services ctl gateway` from ROUTES in shared/host.py; change it there.

map $uri $service {
@ROUTES@
}

# A link that confirms control of a domain is a secret; logs have no secrets.
map $uri $logged {
    ~^/dcv/ 0;
    default 1;
}

server {
    listen 80 default_server;
    server_tokens off;
    access_log /var/log/nginx/access.log combined if=$logged;
    resolver @RESOLVER@ valid=2s ipv6=off;
    resolver_timeout 2s;
    client_max_body_size 24m;  # the service's own limit is lower, and it says so in its own words

    location / {
        proxy_pass http://$service:@PORT@;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 2s;
        proxy_read_timeout 60s;
        error_page 502 504 = @away;
    }

    # Figures are for those inside.
    location ~ ^/[a-z]+/metrics$ {
        return 404;
    }

    location @away {
        internal;
        default_type application/json;
        add_header Retry-After 5 always;
        return 503 '{"errors":[{"code":"service_unavailable","message":"$service does not answer; try again later."}]}';
    }
}
"""
