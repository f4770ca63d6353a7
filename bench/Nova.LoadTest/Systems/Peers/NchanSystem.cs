using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>nchan in nginx, with one worker and the memory store.</summary>
internal sealed class NchanSystem(Placement placement) : PeerSystem(placement, "/ws")
{
    private readonly List<int> _worker = [];

    public override string Name => "nchan";

    public override string Description => "nchan 1.3.6 in nginx 1.22 (Debian 12's packages), one worker, memory store, message buffer of 10";

    public override IReadOnlyList<int> MeasuredProcesses => _worker;

    public override Task PrepareAsync(CancellationToken cancellationToken) => PeerCache.GetNchanAsync(cancellationToken);

    public override async Task StartAsync(int viewers, CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(Folder, "nginx.conf"), Configuration(viewers), cancellationToken);
        await base.StartAsync(viewers, cancellationToken);
        _worker.AddRange(ProcFile.Tree(base.MeasuredProcesses[0]).Skip(1)); // The master process does not serve viewers.
    }

    /// <summary>
    /// nchan creates /var/lib/nginx/body whatever the configuration says, and fails if nginx is not installed. In a mount namespace of its own it
    /// can create the folder without a change to the machine.
    /// </summary>
    protected override (IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment) Command() => (
        [
            "unshare", Environment.UserName == "root" ? "--mount" : "--map-root-user", "--mount",
            "sh", "-c", "mount -t tmpfs none /var/lib && mkdir /var/lib/nginx && exec \"$@\"", "nginx",
            PeerCache.Nginx, "-p", Folder, "-c", Path.Combine(Folder, "nginx.conf"), "-e", "stderr",
        ],
        new Dictionary<string, string>());

    /// <summary>Sets every other path to this system's folder: the compiled-in paths exist only if the packages are installed.</summary>
    private string Configuration(int viewers) => $$"""
        load_module {{PeerCache.NchanModule}};
        daemon off;
        {{(Environment.UserName == "root" ? "user root;" : "")}}
        worker_processes 1;
        worker_rlimit_nofile {{viewers + 1000}};
        pid {{Folder}}/nginx.pid;
        lock_file {{Folder}}/nginx.lock;
        error_log stderr error;
        events { worker_connections {{(2 * viewers) + 1000}}; }
        http {
          access_log off;
          client_body_temp_path {{Folder}}/body;
          proxy_temp_path {{Folder}}/proxy;
          fastcgi_temp_path {{Folder}}/fastcgi;
          uwsgi_temp_path {{Folder}}/uwsgi;
          scgi_temp_path {{Folder}}/scgi;
          nchan_shared_memory_size 256m;
          keepalive_requests 1000000000;
          keepalive_timeout 24h;
          server {
            listen 127.0.0.1:{{Port}} backlog=4096;
            location = /health { return 200; }
            location = /publish { nchan_publisher; nchan_channel_id stream; nchan_message_buffer_length 10; }
            location = /ws { nchan_subscriber websocket; nchan_channel_id stream; nchan_subscriber_first_message newest; }
          }
        }
        """;
}
