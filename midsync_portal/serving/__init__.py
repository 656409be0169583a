"""Between the server and Django: bodies, headers, pools of threads; nothing here imports Django
before it is needed, so that a process can say that it lives while Django still loads (where it was
not loaded before it, see `supervisor`).
"""
