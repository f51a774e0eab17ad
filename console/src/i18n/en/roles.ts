export const roles = {
  about: "The permissions of people. A change takes effect immediately for everybody with the role.",
  add: "Add a role",
  builtIn: "Built in",
  noList: "Your role cannot list roles. This needs the permission to read the audit log.",
  nothing: "Only the permissions of everybody who signs in.",
  description: "Description",
  nameRule: "2 to 30 letters, digits, “_” and “-”.",
  permits: "Permissions",
  atOnce: "The change takes effect immediately for everybody with this role.",
  editNamed: (name: string) => `Change role ${name}`,
  removeNamed: (name: string) => `Remove role ${name}`,
  removeWhat: (count: number) =>
    count
      ? `${count === 1 ? "1 person has" : `${count} people have`} this role and will get the role “user”.`
      : "Nobody has this role.",
  permissions: {
    "tools:use": "Use the tools",
    "files:own": "See own files",
    "files:all": "See everybody's files",
    "apikeys:own": "Have keys",
    "apikeys:all": "See everybody's keys",
    "pipelines:own": "Save pipelines",
    "pipelines:all": "See everybody's pipelines",
    "settings:read": "Read the settings for everybody",
    "settings:write": "Change the settings for everybody",
    "users:manage": "Manage people, their passwords and roles",
    "teams:manage": "Manage teams",
    "branding:manage": "Change the logo",
    "features:manage": "Install and remove bundles of models",
    "system:health": "See the health of the installation",
    "audit:read": "Read the audit log and the list of roles",
  },
};
