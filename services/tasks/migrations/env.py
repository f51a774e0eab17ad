from services.common.db import run_environment
from services.tasks.store.models import TasksTable

run_environment(TasksTable.metadata)
