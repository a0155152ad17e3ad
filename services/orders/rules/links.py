def password_link(base_url: str, token: str) -> str:
    return f"{base_url.rstrip('/')}/account/new-password?token={token}"
