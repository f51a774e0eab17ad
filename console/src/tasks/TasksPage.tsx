import { ListChecks } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { Empty, ErrorNote, Loading } from "../ui/Feedback.tsx";
import { Page } from "../ui/Page.tsx";
import { type Filters, isFiltered, readFilters, writeFilters } from "./filters.ts";
import { useLiveTasks } from "./live.ts";
import { SelectionBar } from "./parts/SelectionBar.tsx";
import { StreamBadge } from "./parts/StreamBadge.tsx";
import { TaskFilters } from "./parts/TaskFilters.tsx";
import { TaskTable } from "./parts/TaskTable.tsx";
import { useTaskActions } from "./parts/useTaskActions.tsx";
import { tasksOf, useTaskList } from "./queries.ts";
import "../styles/tasks.css";

/** All tasks of the account as they change. */
export default function TasksPage() {
  const t = useTexts();
  useLiveTasks();
  const [filters, setFilters] = useFilters();
  const list = useTaskList(filters);
  const tasks = tasksOf(list.data);
  const mayWrite = may(useMe(), "tasks:write");
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const actions = useTaskActions(() => setSelected(new Set()));
  const chosen = tasks.filter(({ task_id }) => selected.has(task_id));

  return (
    <Page title={t.tasks.title} about={t.tasks.about} actions={<StreamBadge />}>
      <TaskFilters filters={filters} onChange={setFilters} />
      {actions.problems}
      <ErrorNote error={list.error} onRetry={() => void list.refetch()} />
      {list.isPending && <Loading />}
      {list.data && !tasks.length && !list.hasNextPage && (
        <NoTasks filtered={isFiltered(filters)} onClear={setFilters} />
      )}
      {tasks.length > 0 && (
        <TaskTable tasks={tasks} selected={selected} onSelect={setSelected} actions={mayWrite ? actions : undefined} />
      )}
      {list.hasNextPage && (
        <Button className="task-more" onClick={() => void list.fetchNextPage()} disabled={list.isFetchingNextPage}>
          {list.isFetchingNextPage ? t.common.loading : t.common.more}
        </Button>
      )}
      {chosen.length > 0 && <SelectionBar tasks={chosen} actions={actions} onClear={() => setSelected(new Set())} />}
      {actions.dialog}
    </Page>
  );
}

/** The filters are in the page's address, so that going back and reloading keep them. */
function useFilters(): [Filters, (filters: Filters, replace?: boolean) => void] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const filters = useMemo(() => readFilters(search), [search]);
  const set = useCallback(
    (next: Filters, replace = false) => navigate(`/tasks?${writeFilters(next)}`, { replace }),
    [navigate],
  );
  return [filters, set];
}

function NoTasks({ filtered, onClear }: { filtered: boolean; onClear: (filters: Filters) => void }) {
  const t = useTexts();
  return (
    <Empty icon={<ListChecks aria-hidden />}>
      <p>{filtered ? t.tasks.noneMatch : t.tasks.empty}</p>
      {filtered ? (
        <Button onClick={() => onClear({})}>{t.tasks.clear}</Button>
      ) : (
        <Link className="button primary" href="/">
          {t.tasks.toStudio}
        </Link>
      )}
    </Empty>
  );
}
