class Client: pass
def add_arguments(): return []
def run_client(args,out): pass
